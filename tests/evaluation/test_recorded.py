"""What saved ranks tell of their making: nothing of it is lost in words, whoever wrote the file."""

from deltaclip.evaluation.recorded import marked_name, protocol_lines, protocol_marks


def test_marks_are_told_even_where_a_file_has_no_list_of_them() -> None:
    foreign = {"post": {"name": "qbnorm", "bank_texts": 1000, "beta": 20.0}, "missing": 1200}
    marks = ("post-processing qbnorm (bank texts 1,000, beta 20)", "1,200 videos missing")
    assert protocol_marks(foreign) == marks
    assert marked_name("ours", foreign) == f"ours [{'; '.join(marks)}]"


def test_saved_marks_are_not_told_twice() -> None:
    marks = ["post-processing dsl (temperature 100)", "1 of 3 videos missing, with 1 of 4 captions"]
    assert protocol_marks({"post": {"name": "dsl"}, "missing": 1, "marks": marks}) == tuple(marks)


def test_plain_ranks_have_no_marks() -> None:
    documents: list[dict[str, object]] = [{}, {"post": None, "missing": 0, "marks": []}, {"post": "none"}]
    for plain in documents:
        assert marked_name("ours", plain) == "ours"


def test_every_part_stands_in_the_lines_known_here_or_not() -> None:
    protocol = {
        "dataset": "msvd",
        "motion": None,
        "num_frames": 12,
        "encoder": "x",
        "commit": None,
        "flavour": "new",
        "chosen_among": 1,
    }
    assert protocol_lines(protocol) == ("dataset msvd", "mask none, frames 12", "encoder x", "flavour new")


def test_ranks_without_a_protocol_say_so() -> None:
    assert protocol_lines({}) == ("no protocol was saved with these ranks",)
