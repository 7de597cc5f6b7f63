"""DiDeMo and ActivityNet: one paragraph a video."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from deltaclip.captions import load_captions
from tests.captions.drawn import refusal, texts, write


def description(video: str, text: str, times: int = 4) -> dict[str, Any]:
    """An entry of DiDeMo's json."""
    return {"video": video, "description": text, "times": [[0, 1]] * times, "num_segments": 6, "annotation_id": 7}


def event(*sentences: str) -> dict[str, Any]:
    """An entry of ActivityNet's json; the last segment ends after the video, and before it starts."""
    return {"duration": 9.5, "timestamps": [[0, 4.5]] * (len(sentences) - 1) + [[12.0, 11.0]], "sentences": sentences}


@pytest.fixture
def didemo(tmp_path: Path) -> Path:
    entries = [
        description("a@N01_1_b.mov", " the dog runs "),
        description("c@N02_2_d.", "a cat", times=7),
        description("a@N01_1_b.mp4", "the same clip under another suffix", times=1),
        description("a@N01_1_b.mov", "it sits."),
        description("not@N00_3_listed.3gp", "a cow"),
    ]
    return write(tmp_path, test_data__json=entries, lists___test_list__txt="c@N02_2_d.\na@N01_1_b.mov\n")


def test_all_descriptions_of_a_listed_name_are_joined_verbatim_and_others_left_out(didemo: Path) -> None:
    found = load_captions("didemo", didemo)
    assert found.splits["test"].videos == ("c@N02_2_d.", "a@N01_1_b.mov")
    assert texts(found, "test") == [("a@N01_1_b.mov", " the dog runs  it sits."), ("c@N02_2_d.", "a cat")]
    assert any(note.endswith("2 more of test_data.json are left out.") for note in found.notes)


def test_a_list_without_its_json_has_no_captions(didemo: Path) -> None:
    write(didemo, lists___train_list__txt="e@N03_3_f.wmv")
    split = load_captions("didemo", didemo).splits["train"]
    assert (split.videos, split.captions) == (("e@N03_3_f.wmv",), None)


@pytest.mark.parametrize("name", ["didemo_test__csv", "DiDeMo_test__tsv", "test_paragraphs__csv"])
def test_where_a_table_of_paragraphs_and_the_json_lie_the_table_wins_and_the_notes_say_so(
    didemo: Path, name: str
) -> None:
    separator = "\t" if name.endswith("tsv") else ","
    rows = ("video_id,paragraph", "a@N01_1_b,the dog runs", "c@N02_2_d.mp4,a cat")
    write(didemo, **{name: "\n".join(rows).replace(",", separator)})
    found = load_captions("didemo", didemo)
    assert texts(found, "test") == [("a@N01_1_b.mov", "the dog runs"), ("c@N02_2_d.", "a cat")]
    assert f"test: paragraphs from {name.replace('__', '.')}; test_data.json is not used." in found.notes


def test_a_table_that_lacks_a_column_or_has_a_video_twice_is_refused(didemo: Path) -> None:
    write(didemo, didemo_test__csv="video,words\na@N01_1_b.mov,the dog\n")
    assert "no column paragraph or caption" in refusal("didemo", didemo).found
    write(didemo, didemo_test__csv="video,paragraph\na@N01_1_b.mov,the dog\na@N01_1_b.mp4,the dog\n")
    assert refusal("didemo", didemo).what.endswith("didemo_test.csv, line 3")


def test_a_listed_video_without_a_description_is_refused(didemo: Path) -> None:
    write(didemo, lists___test_list__txt="a@N01_1_b.mov\nz@N01.mov")
    error = refusal("didemo", didemo)
    assert error.what.endswith("test_list.txt, line 2")


def test_an_entry_without_description_is_refused_with_its_number(didemo: Path) -> None:
    write(didemo, test_data__json=[description("a.mov", "a dog"), {"video": "b.mov"}])
    assert refusal("didemo", didemo).found == "description of entry 1 is missing"


@pytest.fixture
def activitynet(tmp_path: Path) -> Path:
    write(tmp_path, val_1__json={"v_b": event("A man sits.", "  He\nstands – then goes."), "v_a": event("A dog.")})
    return write(tmp_path, val_ids__json=["v_a", "v_b", "v_silent"], test_ids__json=["v_t", "v_s"])


def test_sentences_with_spaces_and_line_feeds_are_joined_verbatim_whatever_the_time_stamps_say(
    activitynet: Path,
) -> None:
    found = load_captions("activitynet", activitynet)
    assert texts(found, "val") == [("v_b", "A man sits.   He\nstands – then goes."), ("v_a", "A dog.")]
    assert found.splits["val"].captions is not None
    assert found.splits["val"].captions[0].windows == ()


def test_ids_that_have_no_captions_are_not_candidates_beside_those_that_have(activitynet: Path) -> None:
    found = load_captions("activitynet", activitynet)
    assert found.splits["val"].videos == ("v_b", "v_a")
    assert (found.splits["test"].videos, found.splits["test"].captions) == (("v_t", "v_s"), None)


def test_the_list_gives_the_order_and_the_choice(activitynet: Path) -> None:
    write(activitynet, lists___val_1_list__txt="v_a\n", lists___val_2_list__txt="v_z\n")
    assert load_captions("activitynet", activitynet).splits["val"].videos == ("v_a",)


def test_val_2_stands_in_only_where_val_1_is_absent_and_the_notes_say_which(activitynet: Path) -> None:
    with gzip.open(activitynet / "val_2.json.gz", "wt") as file:
        json.dump({"v_c": event("A cat.")}, file)
    both = load_captions("activitynet", activitynet)
    assert "v_c" not in both.splits["val"].videos
    assert any("val_2.json.gz" in note and "not used" in note for note in both.notes)
    (activitynet / "val_1.json").unlink()
    alone = load_captions("activitynet", activitynet)
    assert texts(alone, "val") == [("v_c", "A cat.")]
    assert any("the sentences of val_2.json.gz" in note for note in alone.notes)


def test_pdvcs_train_file_is_read_under_its_own_name(activitynet: Path) -> None:
    write(activitynet, train_modified__json={"v_t": event("A cow.")})
    found = load_captions("activitynet", activitynet)
    assert texts(found, "train") == [("v_t", "A cow.")]
    assert "In both train and test: 1 of the videos." in found.notes


def test_a_key_that_stands_twice_is_refused_because_json_would_lose_one(activitynet: Path) -> None:
    one = json.dumps(event("A dog."))
    write(activitynet, val_1__json=f'{{"v_a": {one}, "v_a": {one}}}')
    assert "the key v_a occurs twice" in refusal("activitynet", activitynet).found


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (3, "v_a is a int, not an object"),
        ({}, "sentences of v_a is missing"),
        ({"sentences": []}, "sentences of v_a is empty"),
        ({"sentences": ["A dog.", "  "]}, "sentence 1 of v_a is empty"),
    ],
)
def test_an_entry_that_cannot_be_a_paragraph_is_refused(activitynet: Path, entry: object, found: str) -> None:
    write(activitynet, val_1__json={"v_a": entry})
    assert refusal("activitynet", activitynet).found == found
