"""From files to clips: whole videos, moments in order, damage told."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from deltaclip.channels import ALPHA, CHANNELS
from deltaclip.errors import VideoError
from deltaclip.motion import TRACK_NUMBERS, MotionSpec
from deltaclip.reader import (
    Clip,
    ReaderSpec,
    guarded_calls,
    read_moments,
    read_motion,
    read_variants,
    read_video,
    read_whole,
)
from deltaclip.video import write_mp4
from tests.helpers import moving_square, write_square

SMALL = ReaderSpec(image_size=32, num_frames=4, motion=MotionSpec("difference"))


def test_a_clip_has_the_shapes_and_the_seconds_of_its_moment(tmp_path: Path) -> None:
    clip = read_video(write_square(tmp_path / "a.mp4"), SMALL)
    assert clip.frames.shape == (4, len(CHANNELS), 32, 32)
    assert clip.frames.dtype == np.uint8
    assert clip.seconds.tolist() == pytest.approx([0.25, 0.75, 1.25, 1.75])
    assert [clip.start, clip.end] == pytest.approx([0.0, 2.0])


def test_a_long_video_gives_one_clip_a_segment(tmp_path: Path) -> None:
    write_mp4(tmp_path / "long.mp4", moving_square(48), 12)
    clips = list(read_moments(tmp_path / "long.mp4", SMALL, segment_seconds=1.5))
    assert [(clip.start, clip.end) for clip in clips] == [(0.0, 1.5), (1.5, 3.0), (3.0, pytest.approx(4.0))]
    assert all((clip.seconds >= clip.start).all() and (clip.seconds < clip.end).all() for clip in clips)


def test_a_still_video_falls_back_to_the_whole_frame_with_a_reason(tmp_path: Path) -> None:
    clip = read_video(write_square(tmp_path / "still.mp4", step=0), SMALL)
    assert set(clip.fallback) == {"nothing moves"}
    assert clip.coverage.tolist() == [0, 0, 0, 0]
    assert clip.frames[:, ALPHA].min() == 255


def test_a_file_that_is_no_video_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"text\.mp4"):
        next(read_moments(tmp_path / "text.mp4", SMALL))


def test_a_damaged_video_gives_what_lies_before_the_damage_and_then_tells_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (96, 64, 64, 3), np.uint8)  # hard to compress, so that a cut falls inside the frames
    write_mp4(tmp_path / "whole.mp4", noise, 12)
    whole = (tmp_path / "whole.mp4").read_bytes()
    # The table of frames comes first in our files: it still promises all of them when the end is cut off.
    (tmp_path / "broken.mp4").write_bytes(whole[: len(whole) * 5 // 8])
    clips: list[Clip] = []
    with pytest.raises(VideoError, match="damaged") as raised:
        clips.extend(read_moments(tmp_path / "broken.mp4", SMALL, segment_seconds=2.0))
    damaged_after = raised.value.decoded_seconds
    assert damaged_after is not None
    assert 3 < damaged_after < 6
    assert [clip.start for clip in clips] == [0.0, 2.0, 4.0]
    assert clips[-1].end == damaged_after


def test_read_motion_measures_at_the_size_asked_for(tmp_path: Path) -> None:
    frames, motion = read_motion(write_square(tmp_path / "a.mp4", step=1), MotionSpec("difference"), 6, 112)
    assert frames.rgb.shape == (6, 112, 112, 3)
    assert motion.mask.shape == (6, 112, 112)
    assert motion.mask.any()


def test_subject_gets_the_native_neighbours_of_every_sampled_frame(tmp_path: Path) -> None:
    _, motion = read_motion(write_square(tmp_path / "a.mp4", step=1), MotionSpec("subject"), 4, 112)
    assert "no neighbour" not in motion.fallback
    assert motion.measured.shape == (4, 112, 112)


def test_one_decoding_gives_the_same_clips_as_one_for_each_mask(tmp_path: Path) -> None:
    path = write_square(tmp_path / "a.mp4")
    masks = ("difference", "subject", "subject:binary,floor=0.2", None, "difference:threshold=50,floor=0.2", "subject")
    specs = [replace(SMALL, motion=None if mask is None else MotionSpec.parse(mask)) for mask in masks]
    for clip, spec in zip(read_variants(path, specs), specs, strict=True):
        alone = read_video(path, spec)
        np.testing.assert_array_equal(clip.frames, alone.frames)
        assert (clip.fallback, clip.start, clip.end) == (alone.fallback, alone.start, alone.end)


def test_variants_that_differ_in_more_than_their_mask_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mask only"):
        read_variants(tmp_path / "a.mp4", [SMALL, replace(SMALL, num_frames=5)])


def test_a_whole_video_is_measured_at_one_size_whatever_size_is_kept(tmp_path: Path) -> None:
    path = write_square(tmp_path / "a.mp4")
    frames, motion = read_motion(path, MotionSpec("subject"), 4)
    same, measured, _ = read_whole(path, MotionSpec("subject"), 4, 224)
    small, shrunk, _ = read_whole(path, MotionSpec("subject"), 4, 32)
    assert measured is not None
    assert shrunk is not None
    assert np.array_equal(same.rgb, frames.rgb)
    assert np.array_equal(measured.alpha, motion.alpha)
    assert small.rgb.shape == (4, 32, 32, 3)
    assert shrunk.alpha.shape == (4, 32, 32)
    assert np.array_equal(shrunk.coverage, motion.coverage)
    assert (
        np.abs(
            shrunk.alpha
            - cv2.resize(np.moveaxis(motion.alpha, 0, -1), (32, 32), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
        ).max()
        < 1e-5
    )


def test_a_whole_video_is_read_without_a_mask_where_none_is_wanted(tmp_path: Path) -> None:
    path = write_square(tmp_path / "a.mp4")
    frames, motion, _ = read_whole(path, None, 3, 48)
    assert motion is None
    assert frames.rgb.shape == (3, 48, 48, 3)


def test_a_guarded_read_gives_the_same_and_names_what_fails(tmp_path: Path) -> None:
    path = write_square(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_text("no video")
    with guarded_calls() as call:
        frames, _, _ = call(read_whole, path, None, 2, 32)
        with pytest.raises(VideoError, match=r"b\.mp4"):
            call(read_whole, tmp_path / "b.mp4", None, 2, 32)
    expected, _, _ = read_whole(path, None, 2, 32)
    assert np.array_equal(frames.rgb, expected.rgb)


def test_a_clip_carries_its_track_whatever_mask_it_is_fed(tmp_path: Path) -> None:
    path = write_square(tmp_path / "a.mp4", step=1)
    tracks = []
    for mask in (None, MotionSpec("difference"), MotionSpec("subject")):
        spec = replace(SMALL, motion=mask)
        clip = read_video(path, replace(spec, track=True))
        np.testing.assert_array_equal(clip.frames, read_video(path, spec).frames)
        assert read_video(path, spec).track is None
        assert clip.track is not None
        tracks.append(clip.track)
    for track in tracks:
        np.testing.assert_array_equal(track.maps, tracks[0].maps)
        np.testing.assert_array_equal(track.seconds, [0.25, 0.75, 1.25, 1.75])
    right = tracks[0].numbers[:, TRACK_NUMBERS.index("right")]
    # 12 pixels of 64 a second: the square goes to the right.
    assert np.median(right) == pytest.approx(12 / 64, rel=0.3)
