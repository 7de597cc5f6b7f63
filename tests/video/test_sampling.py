"""Sampling is arithmetic: its laws, and numbers worked out by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.video import SAMPLINGS, Segment, sample_seconds, split_segments, uniform_seconds
from deltaclip.video.sampling import clip4clip_frames, farthest_neighbour_seconds, native_neighbours, neighbour_seconds

ranges = st.tuples(st.floats(0, 1e6), st.floats(1e-3, 1e6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
counts = st.integers(1, 64)


def test_uniform_seconds_are_the_middles_of_equal_spans() -> None:
    assert uniform_seconds(10, 14, 4).tolist() == [10.5, 11.5, 12.5, 13.5]


def test_one_uniform_second_is_the_middle() -> None:
    assert uniform_seconds(0, 15, 1).tolist() == [7.5]


@given(ranges, counts)
def test_uniform_seconds_ascend_inside_the_range(span: tuple[float, float], num_frames: int) -> None:
    seconds = uniform_seconds(*span, num_frames)
    assert seconds.shape == (num_frames,)
    assert (np.diff(seconds) > 0).all()
    assert span[0] < seconds[0]
    assert seconds[-1] < span[1]


@pytest.mark.parametrize(("start", "end", "num_frames"), [(1, 1, 3), (-1, 2, 3), (0, float("inf"), 3), (0, 1, 0)])
def test_a_range_without_seconds_is_refused(start: float, end: float, num_frames: int) -> None:
    with pytest.raises(ValueError, match="sampling needs"):
        uniform_seconds(start, end, num_frames)


@pytest.mark.parametrize(
    ("duration", "ends"),
    [
        (2, [2]),
        (15, [15]),
        (19.9, [19.9]),  # 4.9 s left, less than a third of 15
        (20, [15, 20]),
        (45, [15, 30, 45]),
        (64.9, [15, 30, 45, 64.9]),
    ],
)
def test_a_short_rest_joins_the_segment_before(duration: float, ends: list[float]) -> None:
    segments = split_segments(np.arange(0, duration, 0.04), duration)
    assert [segment.end for segment in segments] == ends
    assert [segment.start for segment in segments] == [0, *ends[:-1]]
    assert not any(segment.held for segment in segments)


def test_a_picture_that_is_held_is_a_segment_of_its_own() -> None:
    # 12 s of motion, one picture for a minute, 3 s of motion: what moves is not stretched over the hold.
    seconds = np.concatenate([np.arange(0, 12, 0.04), [12.0], np.arange(72, 75, 0.04)])
    assert split_segments(seconds, 75) == (Segment(0, 12), Segment(12, 72, held=True), Segment(72, 75))


def test_a_picture_that_is_held_to_the_end_is_a_segment_of_its_own() -> None:
    assert split_segments(np.array([0, 1, 2, 3]), 63) == (Segment(0, 3), Segment(3, 63, held=True))


def test_a_single_frame_between_holds_does_not_move() -> None:
    segments = split_segments(np.array([0, 30, 30.04, 60]), 60.04)
    assert [(segment.start, segment.end) for segment in segments] == [(0, 30), (30, 30.04), (30.04, 60), (60, 60.04)]
    assert all(segment.held for segment in segments)


def test_what_moves_between_holds_is_cut_from_its_own_beginning() -> None:
    seconds = np.concatenate([[0.0], np.arange(100, 140, 0.5)])
    starts = [(segment.start, segment.end) for segment in split_segments(seconds, 140)]
    assert starts == [(0, 100), (100, 115), (115, 130), (130, 140)]


def test_a_picture_held_for_less_than_a_third_of_the_length_is_no_hold() -> None:
    assert split_segments(np.array([0, 1, 2, 6.9, 8]), 9) == (Segment(0, 9),)


def test_segments_begin_with_the_first_frame_and_not_at_zero() -> None:
    assert split_segments(np.arange(7, 27, 0.04), 27) == (Segment(7, 22), Segment(22, 27))


def test_frames_ten_hours_apart_give_a_segment_each_at_once() -> None:
    seconds = np.arange(50, dtype=np.float64) * 36_000
    segments = split_segments(seconds, 50 * 36_000.0)
    assert len(segments) == 50
    assert all(segment.held for segment in segments)


@given(st.lists(st.floats(1e-3, 1e5), max_size=40), st.floats(1e-3, 100), st.floats(0.5, 60))
def test_segments_cover_the_video_and_each_has_a_frame(gaps: list[float], rest: float, length: float) -> None:
    seconds = np.array([0.0, *itertools.accumulate(gaps)])
    end = float(seconds[-1]) + rest
    segments = split_segments(seconds, end, length)
    assert segments[0].start == 0
    assert segments[-1].end == end
    assert all(before.end == after.start for before, after in itertools.pairwise(segments))
    for segment in segments:
        inside = (segment.start <= seconds) & (seconds < segment.end)
        assert inside.any()
        assert segment.held or segment.end - segment.start < length * 4 / 3 + 1e-9
        if segment.held:
            assert inside.sum() == 1


def test_a_segment_needs_an_end_after_its_start() -> None:
    with pytest.raises(ValueError, match="start < end"):
        Segment(3, 3)


@pytest.mark.parametrize(("end", "length"), [(0, 15), (float("inf"), 15), (3, 0)])
def test_a_video_needs_an_end_and_segments_a_length(end: float, length: float) -> None:
    with pytest.raises(ValueError, match="cannot be cut"):
        split_segments(np.zeros(1), end, length)


def test_a_video_without_frames_has_no_segments() -> None:
    with pytest.raises(ValueError, match="without frames"):
        split_segments(np.zeros(0), 3)


def neighbours(frame_seconds: NDArray[np.float64], frames: list[int], side: int) -> list[int]:
    """`native_neighbours` of frames looked at when they appear; the last stays for as long as the first."""
    end = float(frame_seconds[-1] + frame_seconds[1] - frame_seconds[0])
    numbers = np.array(frames)
    return [int(found) for found in native_neighbours(frame_seconds, numbers, side, frame_seconds[numbers], end)]


@pytest.mark.parametrize(
    ("rate", "distance"),
    [(10, 1), (24, 1), (25, 1), (30, 1), (50, 2), (60, 2), (120, 5), (240, 10), (4, 1), (3, 1), (1, 1)],
)
def test_a_neighbour_lies_about_a_24th_of_a_second_away(rate: int, distance: int) -> None:
    seconds = np.arange(60) / rate
    assert [neighbours(seconds, [30], side)[0] for side in (-1, 1)] == [30 - distance, 30 + distance]


@pytest.mark.parametrize(("rate", "farthest"), [(60, 0.25), (24, 0.25), (6, 0.25), (4, 0.375), (3, 0.5), (0.5, 1.05)])
def test_how_far_a_neighbour_may_be_follows_from_the_usual_gap(rate: float, farthest: float) -> None:
    assert farthest_neighbour_seconds(np.arange(60) / rate) == pytest.approx(farthest)
    assert farthest_neighbour_seconds(np.zeros(1)) == 0.25


def test_a_long_gap_among_short_ones_has_no_neighbours_across_it() -> None:
    seconds = np.array([0.0, 0.04, 0.08, 0.48, 0.52])
    assert neighbours(seconds, [3], -1) == [-1]
    assert neighbours(seconds, [2], 1) == [2]


def test_frames_two_seconds_apart_are_no_neighbours_in_any_video() -> None:
    assert neighbours(np.arange(0, 18, 2, dtype=np.float64), [4], 1) == [-1]


def test_the_first_frame_has_none_before_it_and_the_last_none_after() -> None:
    seconds = np.arange(3) / 24
    assert neighbours(seconds, [0, 1, 2], -1) == [-1, 0, 1]
    assert neighbours(seconds, [0, 1, 2], 1) == [1, 2, -1]


def test_a_picture_that_is_held_is_its_own_neighbour() -> None:
    # Frames 0 to 12 in half a second, then frame 12 for a minute, then frames 13 and 14.
    seconds = np.array([*(np.arange(13) / 24), 60.5, 60.5 + 1 / 24])
    asked = np.array([0.4, 0.52, 0.6, 30.0, 60.4, 60.48, 60.5])
    frames = np.array([9, 12, 12, 12, 12, 12, 13])
    end = 60.6
    assert native_neighbours(seconds, frames, -1, asked, end).tolist() == [8, 11, 12, 12, 12, 12, -1]
    assert native_neighbours(seconds, frames, 1, asked, end).tolist() == [10, 12, 12, 12, 12, 13, 14]


@pytest.mark.parametrize(
    ("num_native", "rate", "choice", "expected"),
    [
        # 5 s at 25 fps: the second that begins at the end has no frame
        (125, 25.0, "uniform", [0, 25, 50, 75, 100]),
        (126, 25.0, "uniform", [0, 25, 50, 75, 100, 125]),
        # 29.97 fps counts as 29
        (90, 29.97, "head", [0, 29, 58, 87]),
        # a rate from times that are rounded
        (100, 24.9999999, "tail", [0, 25, 50, 75]),
        # shorter than a second, and slower than a frame a second
        (7, 30.0, "uniform", [0]),
        (3, 0.2, "uniform", [0, 1, 2]),
        # 20 s at 10 fps, 12 frames of 20: linspace(0, 19, 12) is 0, 1.73, 3.45, 5.18, 6.9, 8.6, 10.4, 12.1, ...
        (200, 10.0, "head", [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]),
        (200, 10.0, "tail", [80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190]),
        (200, 10.0, "uniform", [0, 10, 30, 50, 60, 80, 100, 120, 130, 150, 170, 190]),
    ],
)
def test_clip4clip_takes_the_frame_at_the_start_of_each_second(
    num_native: int, rate: float, choice: str, expected: list[int]
) -> None:
    assert clip4clip_frames(num_native, rate, 12, choice).tolist() == expected


def test_clip4clip_seconds_are_those_of_its_frames() -> None:
    # 4 s at 10 fps, of which two frames: seconds 0 and 3 by `uniform`, 2 and 3 by `tail`
    frame_seconds = np.arange(40) / 10
    four = Segment(0, 4)
    assert sample_seconds(four, 2, "clip4clip-uniform", frame_seconds).tolist() == [0.0, 3.0]
    assert sample_seconds(four, 2, "clip4clip-tail", frame_seconds).tolist() == [2.0, 3.0]
    assert sample_seconds(four, 9, "clip4clip-head", frame_seconds).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert sample_seconds(four, 2, "uniform", frame_seconds).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_frames_that_are_not_written_while_nothing_moves_do_not_shift_the_samples(sampling: str) -> None:
    written = np.arange(200) / 10
    unwritten = written[(written < 4) | (written >= 16)]
    whole = Segment(0, 20)
    seconds = sample_seconds(whole, 5, sampling, written)
    assert np.allclose(sample_seconds(whole, 5, sampling, unwritten), seconds)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_hold_is_looked_at_once(sampling: str) -> None:
    seconds = sample_seconds(Segment(3, 90, held=True), 12, sampling, np.array([0, 1, 2, 3, 90]))
    assert seconds.tolist() == [46.5]


@given(st.integers(1, 400), st.floats(0.5, 120), counts, st.sampled_from(SAMPLINGS))
def test_every_sampling_ascends_inside_a_video_and_takes_no_more_than_asked(
    num_native: int, rate: float, num_frames: int, sampling: str
) -> None:
    end = num_native / rate
    seconds = sample_seconds(Segment(0.0, end), num_frames, sampling, np.arange(num_native) / rate)
    assert 1 <= len(seconds) <= num_frames
    assert (np.diff(seconds) > 0).all()
    assert seconds[0] >= 0
    assert seconds[-1] < end


def test_what_follows_a_hold_comes_a_short_time_after_it() -> None:
    frame_seconds = np.array([0.0, 0.04, 0.08, 5.0, 5.04])
    frames, neighbours = np.array([2, 3, 0, 1]), np.array([3, 2, 1, 0])
    assert neighbour_seconds(frame_seconds, frames, neighbours) == pytest.approx([1 / 24, 1 / 24, 0.04, 0.04])


def test_a_frame_without_a_neighbour_gets_the_usual_distance() -> None:
    frame_seconds = np.array([0.0, 0.1, 0.3, 0.5])
    frames, neighbours = np.array([0, 1, 2, 3]), np.array([-1, 0, 1, 3])
    assert neighbour_seconds(frame_seconds, frames, neighbours) == pytest.approx([0.15, 0.1, 0.2, 0.15])
    assert neighbour_seconds(frame_seconds, frames[:1], neighbours[:1]) == pytest.approx([1 / 24])


def test_key_frames_nearest_to_the_middles_of_the_spans_are_taken_once() -> None:
    whole, keys = Segment(0.0, 12.0), np.array([0.0, 2.9, 3.1, 8.0, 20.0])
    frame_seconds = np.arange(240) / 10
    assert sample_seconds(whole, 4, "keyframes", frame_seconds, keys).tolist() == [2.9, 3.1, 8.0]
    assert sample_seconds(whole, 12, "keyframes", frame_seconds, keys[:1]).tolist() == [0.0]


def test_a_segment_without_a_key_frame_is_sampled_evenly() -> None:
    seconds = sample_seconds(Segment(15.0, 30.0), 3, "keyframes", np.arange(900) / 30, np.array([0.0, 30.0]))
    assert seconds.tolist() == [17.5, 22.5, 27.5]
