"""Vectors of a material: what is broken, and that a second run needs no model."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import Caption, Split, VideoFiles
from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.errors import CacheError, CaptionError, VideoError
from deltaclip.evaluation.encoding import encode_material
from deltaclip.evaluation.material import Material, material_of_split
from deltaclip.evaluation.vector_cache import VectorCache
from deltaclip.frame_cache import CacheSettings, write_cache
from deltaclip.library.content import sample_of
from tests.evaluation.dying import die_on_b, link_b_once, only_from_cache, write_on_b
from tests.evaluation.three_videos import SPLIT
from tests.helpers import films_of_one_sample, small_checkpoint, write_square


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> VideoFiles:
    folder = tmp_path_factory.mktemp("videos")
    return VideoFiles({name: write_square(folder / f"{name}.mp4", step=step) for step, name in enumerate("abc")}, ())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_checkpoint(tmp_path_factory.mktemp("e") / "small", motion="difference")


@pytest.fixture
def encoder(checkpoint: Path) -> Encoder:
    return Encoder.load(checkpoint, EncoderSpec(device="cpu"))


@pytest.fixture
def frames_of_ab(encoder: Encoder, files: VideoFiles, tmp_path: Path) -> Path:
    """A frame cache that holds two of the three videos."""
    spec = encoder.reader_spec
    settings = CacheSettings(spec.num_frames, spec.decode_side, motion=None, quality=None)
    write_cache(tmp_path / "frames", {name: files.found[name] for name in "ab"}, settings, workers=1)
    return tmp_path / "frames"


def test_vectors_from_a_frame_cache_are_the_same_to_the_bit(
    encoder: Encoder, files: VideoFiles, frames_of_ab: Path
) -> None:
    material = material_of_split("d", "test", SPLIT, files)
    decoded = encode_material(encoder, material)
    cached = encode_material(encoder, material, frame_cache=frames_of_ab)
    assert np.array_equal(cached.videos, decoded.videos)
    assert np.array_equal(cached.coverage, decoded.coverage)
    assert (cached.fallback, cached.notes) == (decoded.fallback, decoded.notes)
    assert (decoded.from_frames, decoded.decoded) == (0, 3)
    assert (cached.from_frames, cached.decoded) == (2, 1)


def test_cached_frames_are_read_in_place_of_the_files_and_their_vectors_kept(
    encoder: Encoder, files: VideoFiles, frames_of_ab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_c = Split(("a", "b"), tuple(caption for caption in SPLIT.captions or () if caption.video != "c"))
    material = material_of_split("d", "test", without_c, files)
    expected = encode_material(encoder, material)
    monkeypatch.setattr("deltaclip.evaluation.encoding.read_video_or_cache", only_from_cache)
    kept = VectorCache(tmp_path)
    first = encode_material(encoder, material, cache=kept, frame_cache=frames_of_ab)
    again = encode_material(encoder, material, cache=kept, frame_cache=frames_of_ab)
    assert np.array_equal(first.videos, expected.videos)
    assert np.array_equal(again.videos, expected.videos)
    assert (first.from_frames, again.from_frames, again.decoded) == (2, 0, 0)


def test_a_frame_cache_for_a_different_encoder_is_refused_before_any_work(
    encoder: Encoder, files: VideoFiles, tmp_path: Path
) -> None:
    write_cache(tmp_path, {"a": files.found["a"]}, CacheSettings(3, 64, motion=None), workers=1)
    with pytest.raises(CacheError, match="3 frames per video, and the encoder takes 4"):
        encode_material(encoder, material_of_split("d", "test", SPLIT, files), frame_cache=tmp_path)


@pytest.fixture
def with_b_broken(files: VideoFiles, tmp_path: Path) -> Material:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    return material_of_split("d", "test", SPLIT, VideoFiles({**files.found, "b": broken}, ()))


def test_broken_videos_are_refused_by_name_with_the_reason(encoder: Encoder, with_b_broken: Material) -> None:
    with pytest.raises(VideoError, match="1 of 3 videos cannot be read: b "):
        encode_material(encoder, with_b_broken)


def test_a_broken_video_that_is_allowed_counts_as_missing_everywhere(encoder: Encoder, with_b_broken: Material) -> None:
    vectors = encode_material(encoder, with_b_broken, allow_missing=True)
    assert (len(vectors.videos), len(vectors.texts), len(vectors.coverage)) == (2, 3, 2)
    assert vectors.owner.tolist() == [0, 1, 1]
    assert (vectors.material.missing, vectors.material.missing_texts) == (("b",), 1)
    assert list(vectors.broken) == ["b"]


def test_a_video_that_crashes_its_decoder_is_a_broken_one_and_the_others_go_on(
    encoder: Encoder, files: VideoFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.evaluation.encoding.read_video_or_cache", die_on_b)
    vectors = encode_material(encoder, material_of_split("d", "test", SPLIT, files), allow_missing=True)
    assert len(vectors.videos) == 2
    assert "exit code 7" in vectors.broken["b"]


def test_nothing_is_left_to_measure_when_all_videos_are_broken(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    files = VideoFiles({"a": tmp_path / "a.mp4"}, ())
    material = material_of_split("d", "test", Split(("a",), (Caption("red", "a"),)), files)
    with pytest.raises(CaptionError, match="1 of 1 videos"):
        encode_material(encoder, material, allow_missing=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_vectors_are_those_of_the_encoder_in_the_order_of_the_material(
    encoder: Encoder, files: VideoFiles, workers: int
) -> None:
    vectors = encode_material(encoder, material_of_split("d", "test", SPLIT, files), workers=workers)
    assert np.abs(vectors.videos - encoder.encode_videos(files.found.values())).max() < 1e-6
    assert np.abs(vectors.texts - encoder.encode_texts([c.text for c in SPLIT.captions or ()])).max() < 1e-6


def test_a_second_run_runs_no_model_and_gives_the_same(
    checkpoint: Path, files: VideoFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = material_of_split("d", "test", SPLIT, files)
    first = encode_material(Encoder.load(checkpoint), material, cache=VectorCache(tmp_path))
    again = Encoder.load(checkpoint)
    monkeypatch.setattr(again.engine, "video_vectors", None)
    monkeypatch.setattr(again, "encode_texts", None)
    monkeypatch.setattr("deltaclip.evaluation.encoding.read_video_or_cache", divmod)  # fails when it is called
    second = encode_material(again, material, cache=VectorCache(tmp_path))
    assert np.array_equal(first.videos, second.videos)
    assert np.array_equal(first.texts, second.texts)
    assert first.fallback == second.fallback == {"nothing moves": 4}
    assert first.coverage.tolist() == second.coverage.tolist()


def test_a_video_that_was_renamed_is_known_and_one_that_changed_is_not(
    encoder: Encoder, files: VideoFiles, tmp_path: Path
) -> None:
    def one(path: Path) -> Material:
        return material_of_split("d", "test", Split(("v",), (Caption("red", "v"),)), VideoFiles({"v": path}, ()))

    path = tmp_path / "v.mp4"
    path.write_bytes(files.found["a"].read_bytes())
    encode_material(encoder, one(path), cache=VectorCache(tmp_path / "cache"))
    path = path.rename(tmp_path / "other.mp4")
    encode_material(encoder, one(path), cache=VectorCache(tmp_path / "cache"))
    entries = tmp_path / "cache" / "vectors"
    assert len(list(entries.glob("*/video-*.npz"))) == 1
    path.write_bytes(files.found["b"].read_bytes())
    encode_material(encoder, one(path), cache=VectorCache(tmp_path / "cache"))
    assert len(list(entries.glob("*/video-*.npz"))) == 2


def test_films_that_share_a_sample_of_their_bytes_have_entries_of_their_own(encoder: Encoder, tmp_path: Path) -> None:
    paths = films_of_one_sample(tmp_path)
    assert len({sample_of(path).sample for path in paths}) == 1
    material = material_of_split("d", "test", SPLIT, VideoFiles(dict(zip("abc", paths, strict=True)), ()))
    cache = VectorCache(tmp_path / "cache")
    first, second = (encode_material(encoder, material, cache=cache) for _ in range(2))
    assert len(list(cache.folder.rglob("video-*.npz"))) == 3
    assert np.array_equal(first.videos, second.videos)
    assert np.abs(first.videos[0] - first.videos[1]).max() > 1e-4


@pytest.mark.parametrize("cached", [True, False])
def test_a_video_that_a_backup_links_while_it_is_read_is_read_once_more(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    paths = {name: write_square(tmp_path / f"{name}.mp4", step=step) for step, name in enumerate("abc")}
    monkeypatch.setattr("deltaclip.evaluation.encoding.read_video_or_cache", link_b_once)
    cache = VectorCache(tmp_path / "cache") if cached else None
    material = material_of_split("d", "test", SPLIT, VideoFiles(paths, ()))
    assert encode_material(encoder, material, cache=cache).broken == {}
    assert (tmp_path / "b.backup").exists()


@pytest.mark.parametrize("cached", [True, False])
def test_a_video_that_changes_while_it_is_read_is_broken_and_not_kept(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    paths = {name: write_square(tmp_path / f"{name}.mp4", step=step) for step, name in enumerate("abc")}
    monkeypatch.setattr("deltaclip.evaluation.encoding.read_video_or_cache", write_on_b)
    cache = VectorCache(tmp_path / "cache") if cached else None
    material = material_of_split("d", "test", SPLIT, VideoFiles(paths, ()))
    vectors = encode_material(encoder, material, cache=cache, allow_missing=True)
    assert list(vectors.broken) == ["b"]
    assert vectors.broken["b"].startswith("changed while it was read")
    assert len(list((tmp_path / "cache").rglob("video-*.npz"))) == 2 * cached


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "other"])
def test_a_damaged_entry_is_named_and_made_anew(
    encoder: Encoder, files: VideoFiles, tmp_path: Path, damage: str
) -> None:
    material = material_of_split("d", "test", SPLIT, files)
    first = encode_material(encoder, material, cache=VectorCache(tmp_path))
    entry = sorted(tmp_path.glob("vectors/*/video-*.npz"))[0]
    raw = bytearray(entry.read_bytes())
    match damage:
        case "cut":
            raw = raw[:100]
        case "flipped":
            raw[raw.index(b"NUMPY") + 130] ^= 255
        case "emptied":
            raw = bytearray()
        case _:
            raw = bytearray(b"something else")
    entry.write_bytes(raw)
    said: list[str] = []
    second = encode_material(encoder, material, cache=VectorCache(tmp_path, said.append))
    assert len(said) == 1
    assert str(entry) in said[0]
    assert np.abs(first.videos - second.videos).max() < 1e-6
    encode_material(encoder, material, cache=VectorCache(tmp_path, said.append))
    assert len(said) == 1


def test_another_mask_another_number_of_frames_and_another_precision_have_entries_of_their_own(
    checkpoint: Path, files: VideoFiles, tmp_path: Path
) -> None:
    material = material_of_split("d", "test", SPLIT, files)
    specs = (
        EncoderSpec(precision="float32"),
        EncoderSpec(precision="bfloat16"),
        EncoderSpec(precision="float32", motion="full"),
        EncoderSpec(precision="float32", num_frames=2),
        EncoderSpec(precision="float32", sampling="clip4clip-uniform"),
    )
    for spec in specs:
        encode_material(Encoder.load(checkpoint, spec), material, cache=VectorCache(tmp_path))
    assert len(list((tmp_path / "vectors").iterdir())) == len(specs)


def test_a_cache_that_cannot_be_written_is_said_once_and_done_without(
    encoder: Encoder, files: VideoFiles, tmp_path: Path
) -> None:
    (tmp_path / "vectors").write_text("a file where the folder should be")
    said: list[str] = []
    material = material_of_split("d", "test", SPLIT, files)
    vectors = encode_material(encoder, material, cache=VectorCache(tmp_path, said.append))
    assert len(vectors.videos) == 3
    assert len(said) == 1
    assert "cannot be kept" in said[0]


def test_texts_that_are_longer_than_the_encoder_takes_are_counted(checkpoint: Path, files: VideoFiles) -> None:
    encoder = Encoder.load(checkpoint, EncoderSpec(max_words=4))
    vectors = encode_material(encoder, material_of_split("d", "test", SPLIT, files))
    assert vectors.cut_texts == 2
