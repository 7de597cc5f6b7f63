"""MSR-VTT: its divisions, and the quirks of its files."""

from pathlib import Path

import pytest

from deltaclip.captions import load_captions
from tests.captions.drawn import msrvtt_document, refusal, texts, write

TEST_CSV = "key,vid_key,video_id,sentence\nret0,msr9,video9,a man playing video games\n"
NINE_K = "video_id\nvideo0\nvideo1\nvideo2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        MSRVTT_data__json=msrvtt_document(),
        MSRVTT_train__9k__csv=NINE_K,
        MSRVTT_JSFUSION_test__csv=TEST_CSV + "ret1,msr3,video3,a man playing video games\n",
    )


def test_sentences_stay_in_file_order_though_it_is_not_grouped_by_video_and_keep_their_spaces(folder: Path) -> None:
    assert texts(load_captions("msrvtt", folder), "train") == [
        ("video2", " a man sp"),
        ("video0", "a dog  runs "),
        ("video2", "a man sp"),
        ("video1", "ça va"),
    ]


def test_the_test_sentences_come_from_the_csv_in_its_order_also_where_they_repeat(folder: Path) -> None:
    found = load_captions("msrvtt", folder)
    assert found.splits["test"].videos == ("video9", "video3")
    assert texts(found, "test") == [("video9", "a man playing video games"), ("video3", "a man playing video games")]
    assert "val" not in found.splits
    assert any("no validation split" in note for note in found.notes)


def test_without_the_file_of_sentences_train_has_no_captions_and_test_still_has(folder: Path) -> None:
    (folder / "MSRVTT_data.json").unlink()
    found = load_captions("msrvtt", folder)
    assert found.splits["train"].captions is None
    assert found.splits["train"].videos == ("video0", "video1", "video2")
    assert len(texts(found, "test")) == 2
    assert any("captions are absent" in note for note in found.notes)


def test_the_csv_alone_is_enough_to_test(tmp_path: Path) -> None:
    found = load_captions("msrvtt", write(tmp_path, MSRVTT_JSFUSION_test__csv=TEST_CSV))
    assert list(found.splits) == ["test"]
    assert "train is absent: MSRVTT_train.9k.csv is not there." in found.notes


def test_microsofts_two_files_are_one_and_the_first_alone_lacks_the_captions_of_9k(tmp_path: Path) -> None:
    write(tmp_path, MSRVTT_train__9k__csv=NINE_K, MSRVTT_train__7k__csv="video_id\nvideo0\n")
    write(tmp_path, train_val_videodatainfo__json=msrvtt_document(("video0", "a dog runs"), videos=1))
    alone = load_captions("msrvtt", tmp_path)
    assert alone.splits["train"].captions is None
    assert any("lacks 2 of them" in note for note in alone.notes)
    assert texts(load_captions("msrvtt-7k", tmp_path), "train") == [("video0", "a dog runs")]
    write(tmp_path, test_videodatainfo__json=msrvtt_document(("video2", "a cat"), ("video1", "a cow")))
    assert [video for video, _ in texts(load_captions("msrvtt", tmp_path), "train")] == ["video0", "video2", "video1"]


def test_the_full_division_takes_the_test_sentences_from_the_json(tmp_path: Path) -> None:
    write(tmp_path, MSRVTT_data__json=msrvtt_document(), MSRVTT_test__full__csv="video_id\nvideo2\n")
    write(tmp_path, other___val_list_full__txt="video1")  # no final newline, in a folder below
    found = load_captions("msrvtt-full", tmp_path)
    assert list(found.splits) == ["val", "test"]
    assert texts(found, "val") == [("video1", "ça va")]
    assert texts(found, "test") == [("video2", " a man sp"), ("video2", "a man sp")]


def test_the_top_level_goes_before_folders_below_and_the_usual_name_before_others(folder: Path) -> None:
    write(
        folder, collaborative_experts___train_list_jsfusion__txt="video3", old___MSRVTT_train__9k__csv="video_id\nx\n"
    )
    assert load_captions("msrvtt", folder).splits["train"].videos == ("video0", "video1", "video2")
    (folder / "MSRVTT_train.9k.csv").unlink()
    (folder / "old" / "MSRVTT_train.9k.csv").unlink()
    assert refusal("msrvtt", folder).found.startswith("video3 has no caption in MSRVTT_data.json")


def test_the_list_called_val_is_the_test_set_and_its_sentences_are_not_guessed(folder: Path) -> None:
    (folder / "MSRVTT_JSFUSION_test.csv").unlink()
    write(folder, collaborative_experts___val_list_jsfusion__txt="video3\nvideo0")
    found = load_captions("msrvtt", folder)
    assert found.splits["test"].videos == ("video3", "video0")
    assert found.splits["test"].captions is None
    assert "In both train and test: 1 of the videos." in found.notes


def test_a_listed_video_that_the_captions_do_not_know_is_refused_with_its_line(folder: Path) -> None:
    write(folder, MSRVTT_train__9k__csv=NINE_K + "vido3\n")
    error = refusal("msrvtt", folder)
    assert error.what == f"{folder / 'MSRVTT_train.9k.csv'}, line 5"
    assert "vido3 has no caption" in error.found


def test_a_sentence_about_no_video_and_an_empty_one_are_refused_with_their_place(folder: Path) -> None:
    write(folder, MSRVTT_data__json=msrvtt_document(("video0", "a dog"), ("video77", "a cat")))
    assert "sentences[1] is about 'video77'" in refusal("msrvtt", folder).found
    write(folder, MSRVTT_data__json=msrvtt_document() | {"sentences": [{"video_id": [], "caption": "a"}]})
    assert "sentences[0] is about []" in refusal("msrvtt", folder).found
    write(folder, MSRVTT_data__json=msrvtt_document(("video0", "a dog"), ("video1", " \n")))
    assert refusal("msrvtt", folder).found == "sentences[1].caption is empty"


def test_a_test_video_that_stands_twice_is_refused_with_its_line(folder: Path) -> None:
    write(folder, MSRVTT_JSFUSION_test__csv=TEST_CSV + "ret1,msr9,video9,a man\n")
    assert refusal("msrvtt", folder).what == f"{folder / 'MSRVTT_JSFUSION_test.csv'}, line 3"


def test_a_folder_without_any_split_says_which_files_are_looked_for(tmp_path: Path) -> None:
    error = refusal("msrvtt", tmp_path)
    assert "MSRVTT_JSFUSION_test.csv" in error.remedy
