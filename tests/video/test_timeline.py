"""From a table of packets to the times of frames, without any file."""

from fractions import Fraction

import numpy as np

from deltaclip.video.timeline import PacketRow, Timeline, build_timeline

MS = Fraction(1, 1000)


def row(pts: int | None, duration: int = 40, key: bool = False, discard: bool = False) -> PacketRow:
    return PacketRow(pts, duration, key, discard)


def build(rows: list[PacketRow], rate: Fraction | None = Fraction(25)) -> Timeline:
    timeline = build_timeline(rows, MS, rate, jumps=False)
    assert timeline is not None
    return timeline


def test_seconds_count_from_the_first_frame_in_the_order_shown() -> None:
    timeline = build([row(5000, key=True), row(5120), row(5040), row(5080)])
    assert timeline.seconds().tolist() == [0, 0.04, 0.08, 0.12]
    assert timeline.duration_seconds == 0.16


def test_frames_before_the_first_key_frame_are_not_shown() -> None:
    timeline = build([row(0), row(40), row(80, key=True), row(120)])
    assert timeline.ticks.tolist() == [80, 120]


def test_pictures_that_lean_on_what_lies_before_the_first_key_frame_are_not_shown() -> None:
    timeline = build([row(80, key=True), row(0), row(40), row(120)])
    assert timeline.ticks.tolist() == [80, 120]


def test_frames_that_an_edit_list_hides_are_not_shown_but_decoding_may_begin_there() -> None:
    timeline = build([row(-80, key=True, discard=True), row(-40, discard=True), row(0), row(40)])
    assert timeline.ticks.tolist() == [0, 40]
    assert timeline.key_ticks.tolist() == [-80]


def test_without_time_stamps_frames_are_counted_at_the_declared_rate() -> None:
    timeline = build([row(None, key=True), row(None), row(None)], rate=Fraction(10))
    assert timeline.counted
    assert timeline.seconds().tolist() == [0, 0.1, 0.2]
    assert timeline.duration_seconds == 0.3


def test_a_rate_that_is_a_time_base_in_disguise_is_not_believed() -> None:
    timeline = build([row(None, key=True), row(None)], rate=Fraction(90000))
    assert timeline.seconds().tolist() == [0, 0.04]


def test_a_last_frame_of_unknown_duration_stays_for_the_mean_gap() -> None:
    timeline = build([row(0, 0, key=True), row(100, 0), row(300, 0)])
    assert timeline.duration_seconds == 0.45


def test_a_single_frame_of_unknown_duration_stays_for_one_period() -> None:
    assert build([row(0, 0, key=True)], rate=None).duration_seconds == 0.04


def test_packets_with_the_same_time_are_one_frame() -> None:
    assert build([row(0, key=True), row(0), row(40)]).ticks.tolist() == [0, 40]


def test_times_beyond_any_clock_are_left_out() -> None:
    assert build([row(0, key=True), row(2**63 - 1), row(40)]).ticks.tolist() == [0, 40]


def test_a_stream_without_packets_has_no_timeline() -> None:
    assert build_timeline([], MS, None, jumps=False) is None


def test_seconds_are_those_of_the_exact_fractions() -> None:
    ticks = np.arange(1000, dtype=np.int64) * 1001
    timeline = Timeline(ticks, 1, Fraction(1, 24000), ticks[:0], counted=False, jumps=False)
    assert timeline.seconds().tolist() == [float(Fraction(i * 1001, 24000)) for i in range(1000)]
