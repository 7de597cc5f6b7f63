"""VATEX, LSMDC and Charades-STA in the form in which they are published."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
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


def npy(*names: str | bytes | object) -> bytes:
    buffer = BytesIO()
    np.save(buffer, np.array(names))
    return buffer.getvalue()


def test_the_files_of_hgr_are_read_as_they_are(tmp_path: Path) -> None:
    ids = [entry["videoID"] for entry in VAL]
    said = {entry["videoID"]: [*entry["enCap"], "again"] for entry in (*VAL, *TRAIN)}
    write(
        tmp_path,
        annotation___RET___ref_captions__json=said,
        public_split___trn_names__npy=npy(TRAIN[1]["videoID"]),
        public_split___val_names__npy=npy(ids[2], ids[3]),
        public_split___tst_names__npy=npy(*(name.encode() for name in ids[:2])),
    )
    found = load_captions("vatex", tmp_path)
    assert found.splits["val"].videos == (ids[2], ids[3])
    assert texts(found, "test") == [
        (ids[0], "abcdefghijk 0"),
        (ids[0], "again"),
        (ids[1], "abcdefghijk 9"),
        (ids[1], "again"),
    ]
    assert found.splits["test"].groups == ("abcdefghijk", "abcdefghijk")
    assert texts(found, "train") == [("a_cdefghijk_000001_000011", "Snow."), ("a_cdefghijk_000001_000011", "again")]
    note = "test: 2 videos from public_split/tst_names.npy, with the sentences of annotation/RET/ref_captions.json."
    assert note in found.notes


def test_lists_of_hgr_part_the_published_validation_file(tmp_path: Path) -> None:
    ids = [entry["videoID"] for entry in VAL]
    write(tmp_path, vatex_validation_v1__0__json=VAL, val_names__npy=npy(ids[0]), tst_names__npy=npy(*ids[1:]))
    write(tmp_path, ref_captions__json={ids[0]: ["not read"]})
    found = load_captions("vatex", tmp_path)
    assert texts(found, "val") == [(ids[0], "abcdefghijk 0")]
    assert len(found.splits["test"].videos) == 3


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (b"no array", "not an array of texts"),
        (npy({"a": 1}), "not an array of texts"),
        (npy(1.5, 2.5), "not a list of texts"),
        (npy("a", "a"), "a is listed twice"),
        (npy("a", " "), "entry 1 is empty"),
        (npy(b"\xff"), "a name that is not UTF-8"),
        (npy("unknown"), "unknown has no caption"),
    ],
)
def test_a_list_that_is_no_array_of_names_is_refused(tmp_path: Path, names: bytes, found: str) -> None:
    write(tmp_path, ref_captions__json={"a": ["b"]}, tst_names__npy=names)
    message = str(refusal("vatex", tmp_path))
    assert found in message
    assert "tst_names.npy" in message


def test_sentences_of_all_splits_need_lists(tmp_path: Path) -> None:
    write(tmp_path, ref_captions__json={"a": ["b"]})
    assert "ref_captions.json with val_names.npy" in str(refusal("vatex", tmp_path))


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


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('"{}\t1\t2\t1\t2\tHe says ""no"", and goes."', 'He says "no", and goes.'),
        ('"{}\t1\t2\t1\t2\tHe says no, and goes.', "He says no, and goes."),
        ('"{}"\t1\t2\t1\t2\tHe goes.', "He goes."),
        ('"{}\t1\t2\t1\t2\tHe says "no"', 'He says "no"'),
        ('"{}\t1\t2\t1\t2\tHe goes."', "He goes."),
    ],
)
def test_stray_quotes_of_lsmdc_are_taken_off_and_counted(tmp_path: Path, line: str, sentence: str) -> None:
    write(tmp_path, LSMDC16_annos_val__csv=lsmdc((JUNO, 'She says "yes"')) + line.format(LATER) + "\n")
    found = load_captions("lsmdc", tmp_path)
    assert texts(found, "val") == [(JUNO, 'She says "yes"'), (LATER, sentence)]
    assert any("stray quotes are taken off 1 line" in note for note in found.notes)


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
