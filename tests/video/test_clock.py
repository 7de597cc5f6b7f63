"""Seconds are those of a player: holds, late pictures, broken stamps, and which stream is the film."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deltaclip.video import Segment, Video
from tests.video.clips import number_of, numbered, numbers_of, write_numbered

MS = Fraction(1, 1000)


def test_a_recording_that_writes_no_frames_while_nothing_moves_is_cut_around_the_hold(tmp_path: Path) -> None:
    times = [*range(0, 6000, 40), 66_000, 66_040]
    path = write_numbered(tmp_path / "screen.mkv", times, MS)
    with Video.open(path) as video:
        ends = [(segment.start, segment.end, segment.held) for segment in video.segments()]
    assert ends == [(0, 5.96, False), (5.96, 66, True), (66, pytest.approx(66.08), False)]


def test_a_film_with_its_still_frames_left_out_shows_the_same_at_every_second(tmp_path: Path) -> None:
    motion = list(range(0, 4000, 40))
    written = write_frames(tmp_path / "written.mkv", [*motion, *range(4000, 20_000, 40)], [*range(100), *[100] * 400])
    unwritten = write_frames(tmp_path / "unwritten.mkv", [*motion, 4000, 19_960], [*range(100), 100, 100])
    seconds = np.linspace(0, 20, 40, endpoint=False) + 0.25
    shown = []
    for path in (written, unwritten):
        with Video.open(path) as video:
            frames = video.frames_at(seconds, 32, with_neighbours=True)
            assert frames.before is not None
            assert frames.after is not None
            around = [*frames.before[:-1], *frames.after[:-1]]
            shown.append(
                (numbers_of(frames.rgb), [numbers_of(picture[None]) for picture in around if picture is not None])
            )
    assert shown[0] == shown[1]
    assert len(shown[0][1]) == 78


def test_seconds_count_from_the_sound_if_it_begins_before_the_picture(tmp_path: Path) -> None:
    path = write_with_sound(tmp_path / "late.mp4", picture_from=7)
    with Video.open(path) as video:
        assert video.info.start_seconds == pytest.approx(7, abs=0.001)
        assert video.info.duration_seconds == pytest.approx(2, abs=0.001)
        assert video.segments() == (Segment(video.whole.start, video.whole.end),)
        assert numbers_of(video.frames_at([0, 7.01, 8.01], 32).rgb) == [0, 0, 25]


def test_frames_that_share_a_time_stamp_are_all_found_and_a_note_says_so(tmp_path: Path) -> None:
    # Stamps in whole seconds: 25 frames have 0, 25 have 1. Matroska keeps what the muxer is given.
    path = rewrite_stamps(
        write_numbered(tmp_path / "true.mkv", range(50), codec="mpeg4"), tmp_path / "broken.mkv", 1000
    )
    with Video.open(path) as video:
        assert video.info.num_frames == 50
        assert numbers_of(video.frames_at(video.frame_seconds, 32).rgb) == list(range(50))
        assert video.frame_seconds[:3].tolist() == pytest.approx([0, 0.04, 0.08])
        assert video.info.duration_seconds == pytest.approx(2)
        [note] = video.info.notes
    assert note == "50 of 50 frames share a time stamp with others: they were spread out evenly"


def test_a_healthy_file_has_no_notes(tmp_path: Path) -> None:
    with Video.open(write_numbered(tmp_path / "a.mp4", range(10))) as video:
        assert video.info.notes == ()


@pytest.mark.parametrize("thumbnails", [1, 3])
def test_thumbnails_before_the_film_are_not_the_film(tmp_path: Path, thumbnails: int) -> None:
    path = write_streams(tmp_path / "a.mkv", [((48, 32), thumbnails, False), ((96, 64), 20, True)])
    with Video.open(path) as video:
        assert (video.info.width, video.info.num_frames) == (96, 20)


def test_of_two_films_a_player_shows_the_default_one_even_if_it_is_smaller(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "a.mkv", [((96, 64), 20, False), ((48, 32), 10, True)])
    with Video.open(path) as video:
        assert (video.info.width, video.info.num_frames) == (48, 10)


def test_a_smaller_copy_before_the_film_is_not_the_film(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "a.mkv", [((48, 32), 20, True), ((96, 64), 20, True)])
    with Video.open(path) as video:
        assert video.info.width == 96


def test_frames_that_share_a_stamp_far_into_a_file_are_found_too(tmp_path: Path) -> None:
    whole = write_numbered(tmp_path / "true.mkv", [*range(200), *range(200, 230)], codec="mpeg4")
    path = tmp_path / "broken.mkv"
    rewrite_stamps(whole, path, 1000, only_from=200 * 40)
    with Video.open(path) as video:
        assert video.info.num_frames == 230
        assert numbers_of(video.frames_at(video.frame_seconds, 32).rgb) == list(range(230))
        assert video.info.notes == ("30 of 230 frames share a time stamp with others: they were spread out evenly",)


def test_a_held_picture_is_no_new_recording_although_its_frame_is_decoded_early(tmp_path: Path) -> None:
    # The last frame before a hold is decoded before its B-frames, and lasts; the next is decoded long "before its end".
    times = [*range(0, 2000, 40), 2000, 22_040, 22_080, 22_120, 22_160]
    path = tmp_path / "hold.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "b-adapt": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 96, 64, "yuv420p", MS
        stream.codec_context.time_base = MS
        stream.codec_context.flags |= 1 << 8  # AV_CODEC_FLAG_FRAME_DURATION
        for number, (start, end) in enumerate(zip(times, [*times[1:], 22_200], strict=True)):
            frame = av.VideoFrame.from_ndarray(numbered(number))
            frame.pts, frame.time_base, frame.duration = start, MS, end - start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with Video.open(path) as video:
        assert video.frame_seconds.tolist() == pytest.approx([time / 1000 for time in times])
        assert numbers_of(video.frames_at(video.frame_seconds, 32).rgb) == list(range(len(times)))


def test_fragmented_recordings_joined_byte_by_byte_go_on_where_the_first_ends(tmp_path: Path) -> None:
    part = tmp_path / "part.mp4"
    with av.open(str(part), "w", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "25", "bf": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number))))
        container.mux(stream.encode(None))
    path = tmp_path / "joined.mp4"
    path.write_bytes(part.read_bytes() * 2)
    with av.open(str(path)) as container:  # FFmpeg hides the first two frames of the second part
        decoded = [
            number_of(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in container.decode(video=0)
        ]
    assert decoded == [*range(50), *range(2, 50)]
    with Video.open(path) as video:
        assert numbers_of(video.frames_at(video.frame_seconds, 32).rgb) == decoded
        assert video.info.duration_seconds == pytest.approx(98 / 25)


def test_joined_matroska_with_b_frames_loses_none_of_them(tmp_path: Path) -> None:
    part = write_numbered(tmp_path / "part.mkv", range(50), options={"bf": "3", "b-adapt": "0"})
    path = tmp_path / "joined.mkv"
    path.write_bytes(part.read_bytes() * 2)
    with Video.open(path) as video:
        assert numbers_of(video.frames_at(video.frame_seconds, 32).rgb) == [*range(50), *range(50)]


def test_avi_is_timed_by_its_packets_and_not_by_what_ffmpeg_guesses(tmp_path: Path) -> None:
    # Slides of 5, 8 and 6 s: FFmpeg gives each the time of the next one for that of showing.
    path = write_numbered(tmp_path / "slides.avi", [0, 125, 325, 475], options={"bf": "0"})
    with Video.open(path) as video:
        assert video.frame_seconds.tolist() == [0, 5, 13, 19]
        assert numbers_of(video.frames_at([4.9, 5.1, 12.9, 13.1], 32).rgb) == [0, 1, 1, 2]


def test_an_edit_list_of_two_pieces_is_followed_as_players_do(tmp_path: Path) -> None:
    # The first and the third second of four, cut where no key frame is: decoding goes back, the clock does not.
    whole = write_numbered(tmp_path / "whole.mp4", range(100), options={"g": "250", "bf": "0"})
    path = with_edits(whole, tmp_path / "cut.mp4", [(1000, 0), (1000, 2000)])
    with Video.open(path) as video:
        assert video.segments() == (Segment(0, 2),)
        assert numbers_of(video.frames_at([0.1, 0.9, 1.1, 1.9], 32).rgb) == [2, 22, 52, 72]


def write_frames(path: Path, times: Sequence[int], numbers: Sequence[int]) -> Path:
    """Frame k shows `numbers[k]` at `times[k]` ms, nearly without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = MS
        for time, number in zip(times, numbers, strict=True):
            frame = av.VideoFrame.from_ndarray(numbered(number))
            frame.pts, frame.time_base = time, MS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_with_sound(path: Path, picture_from: int) -> Path:
    """Silence from 0 s, 50 numbered frames at 25 fps from `picture_from` s."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        assert isinstance(sound, av.AudioStream)
        sound.layout = "mono"
        film = container.add_stream("libx264", rate=25)
        assert isinstance(film, av.VideoStream)
        film.width, film.height, film.pix_fmt = 96, 64, "yuv420p"
        for number in range(9 * 48_000 // 1024):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 48_000, number * 1024
            container.mux(sound.encode(silence))
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(numbered(number))
            frame.pts, frame.time_base = picture_from * 25 + number, Fraction(1, 25)
            container.mux(film.encode(frame))
        container.mux([*film.encode(None), *sound.encode(None)])
    return path


def with_edits(source: Path, path: Path, edits: Sequence[tuple[int, int]]) -> Path:
    """An mp4 whose `moov` comes last, with an edit list of (milliseconds shown, milliseconds from which)."""
    data = source.read_bytes()
    moov = data.index(b"moov") - 4
    trak = data.index(b"trak", moov) - 4
    edts = data.index(b"edts", trak) - 4
    mdhd = data.index(b"mdhd", trak)
    scale = int.from_bytes(data[mdhd + 16 : mdhd + 20], "big")
    entries = b"".join(struct.pack(">IIHH", length, start * scale // 1000, 1, 0) for length, start in edits)
    elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    new = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    grown = len(new) - int.from_bytes(data[edts : edts + 4], "big")
    changed = bytearray(data[:edts] + new + data[edts + len(new) - grown :])
    for box in (moov, trak):
        size = int.from_bytes(changed[box : box + 4], "big") + grown
        changed[box : box + 4] = size.to_bytes(4, "big")
    path.write_bytes(changed)
    return path


def rewrite_stamps(source: Path, path: Path, step: int, only_from: int = 0) -> Path:
    """The same packets with their time stamps, in ms, cut to multiples of `step` from `only_from` on."""
    with av.open(str(source)) as read, av.open(str(path), "w") as written:
        stream = read.streams.video[0]
        copy = written.add_stream_from_template(stream)
        for packet in read.demux(stream):
            if packet.pts is not None and packet.dts is not None:
                packet.stream = copy
                if packet.pts >= only_from:
                    packet.pts, packet.dts = packet.pts // step * step, packet.dts // step * step
                written.mux(packet)
    return path


def write_streams(path: Path, streams: Sequence[tuple[tuple[int, int], int, bool]]) -> Path:
    """A file of several video streams: size, number of frames (spread over the same second), default or not."""
    with av.open(str(path), "w") as container:
        made = []
        for size, number, default in streams:
            stream = container.add_stream("mpeg4", rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.time_base = MS
            stream.disposition = av.stream.Disposition.default if default else av.stream.Disposition(0)
            made.append((stream, size, number))
        for stream, size, number in made:
            for k in range(number):
                frame = av.VideoFrame.from_ndarray(numbered(k, *size))
                frame.pts, frame.time_base = k * 1000 // number, MS
                container.mux(stream.encode(frame))
        for stream, _, _ in made:
            container.mux(stream.encode(None))
    return path
