"""The motion encoder as its users see it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from deltaclip.encoder import Encoder, MotionEncoder, MotionNetwork, MotionSizes, save_motion_encoder, weights_of
from deltaclip.errors import CheckpointError
from deltaclip.motion import TRACK_GRID, TRACK_NUMBERS, Track
from deltaclip.motion_words import MAX_WORDS, vocabulary
from deltaclip.reader import ReaderSpec, read_video
from tests.helpers import write_square

SMALL = MotionSizes(width=16, layers=1, text_layers=1, heads=2, dimension=8)


def network(seed: int = 0) -> MotionNetwork:
    torch.manual_seed(seed)
    return MotionNetwork(SMALL, len(vocabulary()), MAX_WORDS)


def way(right: float, down: float, num_frames: int = 12, seconds: float = 2.0) -> Track:
    """A track of something as large as a cell that goes steadily, picture heights a second, through the middle."""
    numbers = np.zeros((num_frames, len(TRACK_NUMBERS)), np.float32)
    maps = np.zeros((num_frames, 3, *TRACK_GRID), np.float32)
    times = (np.arange(num_frames) + 0.5) / num_frames * seconds
    for row, time in enumerate(times - seconds / 2):
        x, y = right * time, down * time
        values = {"area": 0.03, "x": x, "y": y, "spread_x": 0.06, "spread_y": 0.06, "right": right, "down": down}
        values |= {"speed": float(np.hypot(right, down)), "confidence": 0.9, "camera_confidence": 0.95, "kept": 1.0}
        for name, value in values.items():
            numbers[row, TRACK_NUMBERS.index(name)] = value
        column = int(np.clip((x / (16 / 9) + 0.5) * TRACK_GRID[1], 0, TRACK_GRID[1] - 2))
        line = int(np.clip((y + 0.5) * TRACK_GRID[0], 0, TRACK_GRID[0] - 3))
        maps[row, :, line : line + 3, column : column + 2] = np.array([1.0, right, down])[:, None, None]
    return Track(maps, numbers, times, 16 / 9)


def best(encoder: MotionEncoder, track: Track, *texts: str) -> str:
    [vector] = encoder.encode_tracks([track])
    scores = []
    for text in texts:
        asked = encoder.question(text).vector
        assert asked is not None, text
        scores.append(float(vector @ asked))
    return texts[int(np.argmax(scores))]


@pytest.fixture(scope="module")
def bundled() -> MotionEncoder:
    return MotionEncoder.load()


@pytest.mark.parametrize(
    ("right", "down", "text"),
    [
        (-0.5, 0.0, "a car drives off to the left"),
        (0.5, 0.0, "a dog runs to the right"),
        (0.0, -0.3, "the balloon rises"),
        (0.0, 0.3, "something sinks to the bottom"),
    ],
)
def test_the_bundled_encoder_tells_directions_apart(
    bundled: MotionEncoder, right: float, down: float, text: str
) -> None:
    texts = (
        "a car drives off to the left",
        "a dog runs to the right",
        "the balloon rises",
        "something sinks to the bottom",
    )
    assert best(bundled, way(right, down), *texts) == text


def test_a_camera_that_pans_is_told_from_one_that_zooms(bundled: MotionEncoder) -> None:
    tracks = {}
    for name, text in (("pan", "the camera pans to the right"), ("zoom", "zoom in on the house")):
        still = way(0, 0)
        still.maps[:], still.numbers[:, :10] = 0, 0
        still.numbers[:, TRACK_NUMBERS.index(name)] = 0.3
        tracks[text] = still
    for text, track in tracks.items():
        assert best(bundled, track, *tracks) == text


def test_words_on_motion_are_named_as_they_were_typed(bundled: MotionEncoder) -> None:
    asked = bundled.question("A red car Drives to the left")
    assert asked.words == ("Drives", "left")
    assert 0 < asked.weight <= 1
    assert asked.vector is not None
    assert np.linalg.norm(asked.vector) == pytest.approx(1, abs=1e-5)


def test_motion_counts_less_where_most_words_say_what_is_seen(bundled: MotionEncoder) -> None:
    full = bundled.question("falls to the ground").weight
    sentences = (
        "somebody falls to the ground",
        "a red lorry falls to the ground",
        "an old red lorry falls in a forest",
    )
    weights = [bundled.question(text).weight for text in sentences]
    assert weights[0] == full
    assert full > weights[1] > weights[2] > 0


@pytest.mark.parametrize(
    "text",
    [
        "a red car",
        "",
        "two girls on a bench",
        "ein Hund",
        "the left hand of a man",
        "his dog",
        "some people",
        "the red circle moves",
        "a fast food shop",
    ],
)
def test_a_sentence_without_motion_has_no_weight_at_all(bundled: MotionEncoder, text: str) -> None:
    asked = bundled.question(text)
    assert (asked.words, asked.vector, asked.weight) == ((), None, 0.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a man is talking about his car", ()),
        ("two people talk to each other", ()),
        ("a child sits on a swing", ()),
        ("a woman adds onions to a frying pan", ()),
        ("cooking up some food", ()),
        ("the camera pans to the left", ("camera", "pans", "left")),
        ("somebody sits down on a chair", ("sits", "down")),
        ("he takes a few steps", ("takes", "steps")),
        ("a hand moves in slow motion", ("moves", "slow", "motion")),
    ],
)
def test_a_word_is_on_motion_in_a_phrase_that_is_there_as_a_whole(
    bundled: MotionEncoder, text: str, words: tuple[str, ...]
) -> None:
    assert bundled.question(text).words == words


def test_a_noun_that_is_not_known_does_not_matter(bundled: MotionEncoder) -> None:
    one, other = (bundled.question(f"{noun} falls to the ground") for noun in ("a lorry", "an old purple elephant"))
    assert one.vector is not None
    assert other.vector is not None
    np.testing.assert_array_equal(one.vector, other.vector)


def test_the_bundled_files_are_small() -> None:
    folder = Path(str(__import__("deltaclip").__path__[0])) / "checkpoints" / "motion"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 5_000_000


def test_a_clip_has_the_vector_of_its_track(tmp_path: Path) -> None:
    encoder = MotionEncoder("small", weights_of(network()))
    clip = read_video(write_square(tmp_path / "a.mp4"), ReaderSpec(32, 4, None, track=True))
    assert clip.track is not None
    np.testing.assert_array_equal(encoder.encode_clips([clip]), encoder.encode_tracks([clip.track]))
    with pytest.raises(ValueError, match="track=True"):
        encoder.encode_clips([replace(clip, track=None)])


def test_vectors_do_not_depend_on_what_is_encoded_beside_them() -> None:
    """Also not on the length of the others: shorter tracks are padded, and padding says nothing."""
    encoder = MotionEncoder("small", weights_of(network()))
    tracks = [way(0.3, 0.1, num) for num in (12, 3, 1, 7)]
    together = encoder.encode_tracks(tracks)
    alone: NDArray[np.float32] = np.concatenate([encoder.encode_tracks([each]) for each in tracks])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert encoder.encode_tracks([]).shape == (0, SMALL.dimension)


def test_several_networks_of_tracks_say_the_direction_of_their_mean(tmp_path: Path) -> None:
    torch.manual_seed(3)
    several = MotionNetwork(replace(SMALL, track_networks=3), len(vocabulary()), MAX_WORDS)
    save_motion_encoder(tmp_path / "three", several, {})
    tracks = [way(0.3, 0.1), way(-0.2, 0.4, 5)]
    encoder = MotionEncoder.load(tmp_path / "three")
    each = []
    for network_of_tracks in several.half().float().eval().tracks:
        alone = MotionNetwork(SMALL, len(vocabulary()), MAX_WORDS)
        alone.tracks[0].load_state_dict(network_of_tracks.state_dict())
        each.append(MotionEncoder("one", weights_of(alone)).encode_tracks(tracks))
    assert abs(each[0] - each[1]).max() > 0.1
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(encoder.encode_tracks(tracks), mean / np.linalg.norm(mean, axis=1)[:, None], atol=1e-5)


def test_files_of_one_network_of_tracks_have_the_names_that_they_always_had(tmp_path: Path) -> None:
    save_motion_encoder(tmp_path / "one", network(), {})
    with safe_open(tmp_path / "one" / "motion.safetensors", "np") as held:
        assert {"map_in.0.weight", "frames.0.norm1.bias", "track_out.1.weight", "words.weight"} <= set(held.keys())
    record = json.loads((tmp_path / "one" / "motion.json").read_text())
    del record["sizes"]["track_networks"]
    (tmp_path / "one" / "motion.json").write_text(json.dumps(record))
    again = MotionEncoder("again", weights_of(network().half().float()))
    assert MotionEncoder.load(tmp_path / "one").fingerprint == again.fingerprint


def test_what_is_saved_is_loaded_and_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    first = network()
    save_motion_encoder(tmp_path / "one", first, {"seed": 0})
    loaded = MotionEncoder.load(tmp_path / "one")
    tracks = [way(0.3, 0.1)]
    np.testing.assert_allclose(
        loaded.encode_tracks(tracks), MotionEncoder("x", weights_of(first)).encode_tracks(tracks), atol=5e-3
    )
    save_motion_encoder(tmp_path / "two", network(1), {"seed": 1})
    assert loaded.fingerprint == MotionEncoder.load(tmp_path / "one").fingerprint
    assert loaded.fingerprint != MotionEncoder.load(tmp_path / "two").fingerprint
    assert len(loaded.fingerprint) == 16


@pytest.mark.parametrize("damage", ["nothing", "no weights", "other words", "other sizes", "no json"])
def test_what_is_no_motion_encoder_is_named(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "mine"
    if damage != "nothing":
        save_motion_encoder(folder, network(), {})
        record = json.loads((folder / "motion.json").read_text("utf-8"))
        if damage == "no weights":
            (folder / "motion.safetensors").write_bytes(b"x")
        elif damage == "other words":
            record["words"] = record["words"][:-1]
        elif damage == "other sizes":
            record["sizes"]["width"] = 32
        text = "{" if damage == "no json" else json.dumps(record)
        (folder / "motion.json").write_text(text, "utf-8")
    with pytest.raises(CheckpointError, match="mine"):
        MotionEncoder.load(folder)


def test_a_motion_encoder_is_named_where_one_of_appearance_is_wanted(tmp_path: Path) -> None:
    save_motion_encoder(tmp_path / "mine", network(), {})
    for name in ("motion", str(tmp_path / "mine")):
        with pytest.raises(CheckpointError, match="a motion encoder, which tells how things move"):
            Encoder.load(name)
