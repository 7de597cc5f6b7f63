"""The published split and caption files give the published counts, quirks and all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deltaclip.captions import Caption, CaptionSet, Split, find_videos, load_captions

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def load(real_data: Path) -> Callable[[str], CaptionSet]:
    """Loads a data set of the reference data, once."""
    loaded: dict[str, CaptionSet] = {}

    def load_once(dataset: str) -> CaptionSet:
        if dataset not in loaded:
            loaded[dataset] = load_captions(dataset, real_data / "annotations" / dataset.split("-")[0])
        return loaded[dataset]

    return load_once


def captions_of(split: Split) -> tuple[Caption, ...]:
    assert split.captions is not None
    return split.captions


COUNTS = {
    "msrvtt": {"train": (9_000, 180_000), "test": (1_000, 1_000)},
    "msrvtt-7k": {"train": (7_010, 140_200), "test": (1_000, 1_000)},
    "msrvtt-full": {"train": (6_513, 130_260), "val": (497, 9_940), "test": (2_990, 59_800)},
    "msvd": {"train": (1_200, 48_774), "val": (100, 4_290), "test": (670, 27_763)},
    "didemo": {"train": (8_392, None), "val": (1_065, 1_065), "test": (1_004, 1_004)},
    "activitynet": {"train": (10_009, 10_009), "val": (4_917, 4_917), "test": (5_044, None)},
    "qvhighlights": {"train": (7_100, 7_218), "val": (1_519, 1_550), "test": (1_529, 1_542)},
}


@pytest.mark.parametrize("dataset", COUNTS)
def test_videos_and_captions_are_as_many_as_published(load: Callable[[str], CaptionSet], dataset: str) -> None:
    counted = {
        name: (len(split.videos), None if split.captions is None else len(split.captions))
        for name, split in load(dataset).splits.items()
    }
    assert counted == COUNTS[dataset]


@pytest.mark.parametrize("dataset", COUNTS)
def test_ids_stand_once_splits_share_none_and_each_query_is_about_a_candidate(
    load: Callable[[str], CaptionSet], dataset: str
) -> None:
    splits = load(dataset).splits.values()
    everything = [video for split in splits for video in split.videos]
    assert len(set(everything)) == len(everything)
    for split in splits:
        if split.captions is not None:
            assert {caption.video for caption in split.captions} == set(split.videos)


def test_1k_a_begins_with_video9770_and_repeats_five_sentences(load: Callable[[str], CaptionSet]) -> None:
    test = load("msrvtt").splits["test"]
    sentences = [caption.text for caption in captions_of(test)]
    assert test.videos[0] == "video9770"
    assert len(set(sentences)) == 995
    assert sentences.count("a man playing video games") == 3


def test_msrvtt_begins_with_a_sentence_of_video2960_and_keeps_spaces_repeats_and_stumps(
    load: Callable[[str], CaptionSet],
) -> None:
    full = load("msrvtt-full").splits.values()
    everything = [caption for split in full for caption in captions_of(split)]
    assert captions_of(load("msrvtt-full").splits["train"])[0].video == "video2960"
    assert sum(caption.text != caption.text.strip() for caption in everything) == 1_266
    assert sum(not caption.text.isascii() for caption in everything) == 10
    assert len(everything) - len({(caption.video, caption.text) for caption in everything}) == 14_632
    assert sum(len(caption.text.split()) > 32 for caption in everything) == 207
    assert {"a man sp", "a band is"} <= {caption.text for caption in everything}


def test_twelve_sentences_of_1k_a_are_none_of_the_twenty_of_their_video(load: Callable[[str], CaptionSet]) -> None:
    known: dict[str, set[str]] = {}
    for caption in captions_of(load("msrvtt-full").splits["test"]):
        known.setdefault(caption.video, set()).add(" ".join(caption.text.split()))
    strange = [
        caption.video
        for caption in captions_of(load("msrvtt").splits["test"])
        if " ".join(caption.text.split()) not in known[caption.video]
    ]
    assert len(strange) == 12
    assert {"video9837", "video8122", "video9625"} <= set(strange)


@pytest.mark.parametrize(
    ("dataset", "names"), [("msrvtt", ("train", "test")), ("msrvtt-full", ("train", "val", "test"))]
)
def test_lists_from_collaborative_experts_name_the_same_videos(
    load: Callable[[str], CaptionSet], real_data: Path, dataset: str, names: tuple[str, ...]
) -> None:
    lists = load_captions(dataset, real_data / "annotations" / "msrvtt" / "collaborative-experts")
    for name in names:
        assert set(lists.splits[name].videos) == set(load(dataset).splits[name].videos)
        assert lists.splits[name].captions is None


def test_msvd_is_the_same_from_the_pickle_and_from_json(
    load: Callable[[str], CaptionSet], real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "annotations" / "msvd"
    for name in ("captions_msvd.json.gz", "train_list.txt", "val_list.txt", "test_list.txt"):
        (tmp_path / name).symlink_to(folder / name)
    assert dict(load_captions("msvd", tmp_path).splits) == dict(load("msvd").splits)


def test_msvd_has_ids_that_begin_with_a_dash_or_an_underscore_and_captions_that_repeat(
    load: Callable[[str], CaptionSet],
) -> None:
    splits = load("msvd").splits.values()
    ids = [video for split in splits for video in split.videos]
    everything = [caption for split in splits for caption in captions_of(split)]
    assert sum(video.startswith("-") for video in ids) == 46
    assert sum(video.startswith("_") for video in ids) == 33
    assert len(everything) - len({(caption.video, caption.text) for caption in everything}) == 10_845
    assert max(len(caption.text.split()) for caption in everything) == 45
    assert "a squirrel is eating a peanut in it s shell" in {caption.text for caption in everything}


def test_msvd_lists_of_xpool_are_used_where_the_others_are_absent(real_data: Path) -> None:
    xpool = load_captions("msvd", real_data / "annotations" / "msvd" / "xpool")
    assert {name: len(split.videos) for name, split in xpool.splits.items()} == {
        "train": 1_200,
        "val": 100,
        "test": 670,
    }
    assert all(split.captions is None for split in xpool.splits.values())


def test_didemo_leaves_out_the_names_that_are_not_in_the_list(load: Callable[[str], CaptionSet]) -> None:
    notes = load("didemo").notes
    assert any(note.endswith("29 more of val_data.json.gz are left out.") for note in notes)
    assert any(note.endswith("33 more of test_data.json.gz are left out.") for note in notes)
    assert "33234611@N00_3567949618_0bee41c6f7.mp4" in load("didemo").splits["val"].videos


def test_activitynet_keeps_the_line_feeds_and_letters_of_its_sentences(load: Callable[[str], CaptionSet]) -> None:
    train = captions_of(load("activitynet").splits["train"])
    assert all(caption.video.startswith("v_") for caption in train)
    assert any("\n" in caption.text for caption in train)
    assert any(not caption.text.isascii() for caption in train)


def test_the_paragraph_of_a_real_clip_is_its_three_sentences(
    load: Callable[[str], CaptionSet], real_data: Path
) -> None:
    clips = json.loads((real_data / "captioned" / "captions.json").read_text())
    told = next(clip["captions"] for clip in clips if clip["file"] == "activitynet_v_GGSY1Qvo990.mp4")
    both = (*captions_of(load("activitynet").splits["train"]), *captions_of(load("activitynet").splits["val"]))
    paragraph = next(caption.text for caption in both if caption.video == "v_GGSY1Qvo990")
    assert paragraph.split() == " ".join(told).split()


def test_qvhighlights_keeps_every_window(load: Callable[[str], CaptionSet]) -> None:
    found = load("qvhighlights").splits
    assert "RoripwjYFp8_60.0_210.0" in found["train"].videos + found["val"].videos + found["test"].videos
    assert all(caption.windows for name in ("train", "val") for caption in captions_of(found[name]))
    assert not any(caption.windows for caption in captions_of(found["test"]))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("croatian_signs", {"train": 54, "val": 9, "test": 27}),
        ("egogestar", {"train": 135, "val": 31, "test": 51}),
        ("ud810_arms", {"train": 9, "val": 9, "test": 9}),
    ],
)
def test_a_folder_of_clips_with_a_csv_is_whole(real_data: Path, name: str, counts: dict[str, int]) -> None:
    folder = real_data / "actions" / name
    found = load_captions("folder", folder)
    ids = [video for split in found.splits.values() for video in split.videos]
    assert {split: len(found.splits[split].videos) for split in found.splits} == counts
    for place in (folder, folder / "clips"):
        assert find_videos(place, ids).missing == ()


def test_msvd_clips_are_found_by_id_in_any_container(
    load: Callable[[str], CaptionSet], real_data: Path, tmp_path: Path
) -> None:
    clips = sorted((real_data / "captioned").glob("msvd_*"))
    for clip in clips:
        (tmp_path / clip.name.removeprefix("msvd_")).symlink_to(clip)
    splits = load("msvd").splits
    files = find_videos(tmp_path, [video for split in splits.values() for video in split.videos])
    assert len(clips) == 6
    assert sorted(files.found) == sorted(clip.stem.removeprefix("msvd_") for clip in clips)
    assert len(files.missing) == 1_970 - 6
