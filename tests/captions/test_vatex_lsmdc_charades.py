"""VATEX, LSMDC and Charades-STA in the form in which they are published."""

from pathlib import Path
from typing import Any

import pytest

from deltaclip.captions import find_videos, load_captions
from tests.captions.drawn import refusal, texts, write


def clip(name: str, *said: str) -> dict[str, Any]:
    return {"videoID": name, "enCap": list(said), "chCap": ["一个人"]}


TRAIN = [clip("-tf_2VRj-V0_000122_000132", "A man runs.", "He runs fast."), clip("a_cdefghijk_000001_000011", "Snow.")]
VAL = [
    clip(f"{film}_{start:06}_{start + 10:06}", f"{film} {start}")
    for film in ("abcdefghijk", "lmnopqrstuv")
    for start in (0, 9)
]


def test_vatex_without_lists_has_the_splits_of_its_files(tmp_path: Path) -> None:
    write(tmp_path, **{"vatex_training_v1__0__json": TRAIN, "vatex_validation_v1__0__json": VAL})
    found = load_captions("vatex", tmp_path)
    assert [*found.splits] == ["train", "val"]
    assert texts(found, "train") == [
        ("-tf_2VRj-V0_000122_000132", "A man runs."),
        ("-tf_2VRj-V0_000122_000132", "He runs fast."),
        ("a_cdefghijk_000001_000011", "Snow."),
    ]
    assert found.splits["val"].groups == ("abcdefghijk", "abcdefghijk", "lmnopqrstuv", "lmnopqrstuv")
    assert found.splits["train"].groups is None
    assert "test is absent: vatex_public_test_english_v1.1.json is not there." in found.notes
    assert any("add val_list.txt and test_list.txt" in note for note in found.notes)


def test_the_retrieval_split_parts_the_validation_file(tmp_path: Path) -> None:
    ids = [entry["videoID"] for entry in VAL]
    write(
        tmp_path,
        **{"vatex_training_v1__0__json": TRAIN, "vatex_validation_v1__0__json": VAL},
        vatex_public_test_english_v1__1__json=[clip("zzzzzzzzzzz_000000_000010", "unused")],
        val_list__txt=f"{ids[2]}\n",
        test_list__txt="\n".join(ids[:2]),
    )
    found = load_captions("vatex", tmp_path)
    assert found.splits["val"].videos == (ids[2],)
    assert found.splits["test"].videos == tuple(ids[:2])
    assert texts(found, "test") == [(ids[0], "abcdefghijk 0"), (ids[1], "abcdefghijk 9")]
    assert found.splits["test"].groups == ("abcdefghijk", "abcdefghijk")


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ([TRAIN[0], TRAIN[0]], "-tf_2VRj-V0_000122_000132 is listed twice"),
        ([{"videoID": 3}], "videoID of entry 0 is a int, not a text"),
        ([{"videoID": "a"}], "enCap of a is missing"),
        ([clip("a", " ")], "enCap 0 of a is empty"),
        ([clip("a")], "holds no sentence"),
        ({}, "the document is a dict, not a list"),
    ],
)
def test_a_damaged_vatex_file_is_named(tmp_path: Path, document: Any, found: str) -> None:
    write(tmp_path, **{"vatex_training_v1__0__json": document})
    assert found in str(refusal("vatex", tmp_path))


def test_what_is_absent_is_named_with_lists_too(tmp_path: Path) -> None:
    write(tmp_path, **{"vatex_validation_v1__0__json": VAL}, test_list__txt=f"{VAL[0]['videoID']}\n")
    found = load_captions("vatex", tmp_path)
    assert [*found.splits] == ["test"]
    assert "train is absent: vatex_training_v1.0.json is not there." in found.notes
    assert "val is absent: val_list.txt is not there." in found.notes


def test_a_list_of_unknown_videos_is_refused(tmp_path: Path) -> None:
    write(tmp_path, **{"vatex_validation_v1__0__json": VAL}, test_list__txt="nobody_000000_000010\n")
    assert "nobody_000000_000010 has no caption" in str(refusal("vatex", tmp_path))


JUNO, SPARKLE = "1004_Juno_00.00.32.122-00.00.32.788", "3064_SPARKLE_2012_00.01.00.000-00.01.02.000"

LATER = "1004_Juno_00.00.40.000-00.00.42.500"


def lsmdc(*clips: tuple[str, str]) -> str:
    return "\n".join("\t".join([name, "0:32", "0:33", "0:32", "0:33", said]) for name, said in clips) + "\n"


def test_lsmdc_has_a_line_for_each_sentence_and_movies_are_groups(tmp_path: Path) -> None:
    rows = [
        (JUNO, "A yellow, fuzzy image of SOMEONE."),
        (JUNO, "She smiles."),
        (SPARKLE, "He sings."),
        (LATER, "She leaves."),
    ]
    lost = ("3064_SPARKLE_2012_01.41.07.000-01.41.11.793", "Never released.")
    write(tmp_path, LSMDC16_annos_training__csv=lsmdc(*rows, lost))
    write(tmp_path, LSMDC16_challenge_1000_publictect__csv=lsmdc(rows[0]))
    found = load_captions("lsmdc", tmp_path)
    assert texts(found, "train") == rows
    assert found.splits["train"].groups == ("1004_Juno", "3064_SPARKLE_2012", "1004_Juno")
    assert found.splits["test"].videos == (JUNO,)
    assert "val is absent: LSMDC16_annos_val.csv is not there." in found.notes
    assert any("1 of clips that were never released are left out" in note for note in found.notes)


def test_a_clip_of_lsmdc_is_found_in_the_folder_of_its_movie(tmp_path: Path) -> None:
    file = tmp_path / "1004_Juno" / f"{JUNO}.avi"
    file.parent.mkdir()
    file.write_bytes(b"")
    assert find_videos(tmp_path, [JUNO]).found == {JUNO: file}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a,b,c\n", "line 1: 1 fields parted by tabs, not 6"),
        (lsmdc((JUNO, "x")) + "\t".join("abcde"), "line 2: 5 fields parted by tabs"),
        ("\n", "holds no sentence"),
    ],
)
def test_a_damaged_lsmdc_file_is_named(tmp_path: Path, content: str, found: str) -> None:
    write(tmp_path, LSMDC16_annos_val__csv=content)
    assert found in str(refusal("lsmdc", tmp_path))


def test_charades_keeps_the_moment_of_each_sentence(tmp_path: Path) -> None:
    lines = [
        "AO8RW 0.0 6.9##a person is putting a book on a shelf.",
        "AO8RW 5.0 5.0##nothing.",
        "Y6R7T 20.8 30.0##he eats.",
    ]
    write(tmp_path, charades_sta_train__txt="\n".join(lines), charades_sta_test__txt=lines[2])
    found = load_captions("charades-sta", tmp_path)
    captions = found.splits["train"].captions
    assert captions is not None
    assert [(caption.video, caption.text, caption.windows) for caption in captions] == [
        ("AO8RW", "a person is putting a book on a shelf.", ((0.0, 6.9),)),
        ("Y6R7T", "he eats.", ((20.8, 30.0),)),
    ]
    assert any("1 whose end is not after its start left out" in note for note in found.notes)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("AO8RW 0.0 6.9#a person", "line 1: is not VIDEO START END##SENTENCE"),
        ("AO8RW 0.0.1 6.9##a person", "line 1: '0.0.1' is not a time in seconds"),
        ("AO8RW 0.0 6.9## ", "line 1: the sentence is empty"),
        ("AO8RW 6.9 0.0##a person", "holds no sentence about a span of time"),
    ],
)
def test_a_damaged_charades_file_is_named(tmp_path: Path, content: str, found: str) -> None:
    write(tmp_path, charades_sta_test__txt=content)
    assert found in str(refusal("charades-sta", tmp_path))


def didemo(*times: Any) -> list[dict[str, Any]]:
    return [{"video": "1@N01_2_3.mov", "description": "a cat jumps", "times": list(times)}]


def test_a_description_of_didemo_keeps_what_each_annotator_chose(tmp_path: Path) -> None:
    write(tmp_path, val_data__json=didemo([0, 0], [1, 2], [5, 5]))
    captions = load_captions("didemo-moments", tmp_path).splits["val"].captions
    assert captions is not None
    assert captions[0].windows == ((0.0, 5.0), (5.0, 15.0), (25.0, 30.0))


@pytest.mark.parametrize("times", [[2, 1], [0], ["0", "1"], [-1, 0], 3])
def test_a_segment_of_didemo_that_is_none_is_refused(tmp_path: Path, times: Any) -> None:
    write(tmp_path, val_data__json=didemo([0, 0], times))
    assert "times of entry 0 holds" in str(refusal("didemo-moments", tmp_path))


def test_a_video_of_didemo_with_two_names_is_one(tmp_path: Path) -> None:
    write(tmp_path, val_data__json=[*didemo([0, 0]), didemo([1, 1])[0] | {"video": "1@N01_2_3.avi"}])
    split = load_captions("didemo-moments", tmp_path).splits["val"]
    assert split.videos == ("1@N01_2_3.mov",)
    assert split.captions is not None
    assert [caption.windows for caption in split.captions] == [((0.0, 5.0),), ((5.0, 10.0),)]
