"""From a table of packets to the times of frames, without any file."""

from fractions import Fraction

import numpy as np
import pytest

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
    assert timeline.end_seconds == 0.16


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
    assert timeline.end_seconds == 0.3


def test_a_rate_that_is_a_time_base_in_disguise_is_not_believed() -> None:
    timeline = build([row(None, key=True), row(None)], rate=Fraction(90000))
    assert timeline.seconds().tolist() == [0, 0.04]


def test_a_last_frame_of_unknown_duration_stays_for_the_median_gap() -> None:
    # Not for the mean: after an hour's hold that would be 12 minutes.
    timeline = build([row(0, 0, key=True), row(100, 0), row(200, 0), row(300, 0), row(3_600_000, 0)])
    assert timeline.end_seconds == 3600.1


def test_a_players_clock_begins_with_the_container_and_not_with_the_picture() -> None:
    rows = [row(7000, key=True), row(7040)]
    timeline = build_timeline(rows, MS, Fraction(25), jumps=False, origin_seconds=Fraction(0))
    assert timeline is not None
    assert timeline.seconds().tolist() == [7, 7.04]
    assert (timeline.start_seconds, timeline.end_seconds) == (7, 7.08)


@pytest.mark.parametrize("origin", [Fraction(-7, 1000), Fraction(-40, 1000), Fraction(1, 10**6)])
def test_sound_that_begins_a_frame_before_the_picture_moves_nothing(origin: Fraction) -> None:
    timeline = build_timeline([row(0, key=True), row(40)], MS, Fraction(25), jumps=False, origin_seconds=origin)
    assert timeline is not None
    assert timeline.seconds().tolist() == [0, 0.04]


def test_a_container_that_claims_to_begin_after_its_picture_is_not_believed() -> None:
    timeline = build_timeline([row(40, key=True)], MS, Fraction(25), jumps=False, origin_seconds=Fraction(9))
    assert timeline is not None
    assert timeline.start_seconds == 0


def spread(stamps: list[int], rate: Fraction | None = Fraction(25)) -> Timeline:
    rows = [row(stamp, key=number == 0) for number, stamp in enumerate(stamps)]
    timeline = build_timeline(rows, MS, rate, jumps=False, stamps_broken=True)
    assert timeline is not None
    return timeline


def test_frames_of_one_stamp_are_spread_up_to_the_next() -> None:
    timeline = spread([0, 0, 0, 0, 1000, 1000, 1000, 1000])
    assert timeline.seconds().tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]
    assert timeline.end_seconds == 2
    assert timeline.counted
    assert timeline.notes == ("8 of 8 frames share a time stamp with others: they were spread out evenly",)


def test_frames_that_all_have_one_stamp_follow_each_other_at_the_declared_rate() -> None:
    assert spread([0, 0, 0, 0], Fraction(10)).seconds().tolist() == [0, 0.1, 0.2, 0.3]


def test_a_hold_stays_a_hold_among_broken_stamps() -> None:
    # Ten frames a second, stamped to the second, and one that is held from 3 s to 63 s.
    stamps = [1000 * second for second in range(3) for _ in range(10)] + [3000] * 10 + [63_000] * 10
    seconds = spread(stamps).seconds()
    assert seconds[30:41].tolist() == [3, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 3.7, 3.8, 3.9, 63]


def test_without_stamps_and_rate_a_note_says_what_was_assumed() -> None:
    assert build([row(None, key=True), row(None)], rate=None).notes == (
        "no time stamps and no frame rate: 25 frames a second assumed",
    )
    assert build([row(None, key=True), row(None)], rate=Fraction(10)).notes == ()


def test_a_single_frame_of_unknown_duration_stays_for_one_period() -> None:
    assert build([row(0, 0, key=True)], rate=None).end_seconds == 0.04


def test_packets_with_the_same_time_are_one_frame() -> None:
    assert build([row(0, key=True), row(0), row(40)]).ticks.tolist() == [0, 40]


def test_times_beyond_any_clock_are_left_out() -> None:
    assert build([row(0, key=True), row(2**63 - 1), row(40)]).ticks.tolist() == [0, 40]


def test_a_stream_without_packets_has_no_timeline() -> None:
    assert build_timeline([], MS, None, jumps=False) is None


def test_seconds_are_those_of_the_exact_fractions() -> None:
    ticks = np.arange(1000, dtype=np.int64) * 1001
    timeline = Timeline(ticks, 1, Fraction(1, 24000), ticks[:0], counted=False, jumps=False, origin_tick=0)
    assert timeline.seconds().tolist() == [float(Fraction(i * 1001, 24000)) for i in range(1000)]
