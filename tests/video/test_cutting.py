"""A moment cut out of a video: the same frames at the same seconds, in a file that every browser plays."""

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deltaclip.errors import VideoError
from deltaclip.processes import Guard, once
from deltaclip.video import Video, cut_moment, play_facts
from tests.video.clips import numbered, numbers_of, write_numbered

KEYS = {"g": "25", "bf": "2", "x264-params": "scenecut=0:keyint=25:min-keyint=25"}
"""A key frame every 25 frames and pictures shown in a different order than decoded."""
RATE = 48_000
BEEP = 2.0
"""When the sound of `write_with_sound` begins to be heard, for a fifth of a second."""


def shown(path: Path) -> tuple[list[float], list[int]]:
    """When each frame of a file of `numbered` ones appears, and its number."""
    with Video.open(path) as video:
        return video.frame_seconds.round(3).tolist(), numbers_of(video.frames_at(video.frame_seconds, 64).rgb)


def length_of(path: Path) -> float:
    """Seconds, as a player reads them from the header."""
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / av.time_base


def write_with_sound(path: Path, codec: str = "aac", video_codec: str = "libx264") -> Path:
    """Four seconds of numbered frames with a beep at BEEP."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video_codec, rate=25, options=KEYS if video_codec == "libx264" else {})
        assert isinstance(pictures, av.VideoStream)
        pictures.width, pictures.height, pictures.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(sound, av.AudioStream)
        for number in range(100):
            frame = av.VideoFrame.from_ndarray(numbered(number))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(pictures.encode(frame))
            seconds = (np.arange(RATE // 25) + number * (RATE // 25)) / RATE
            loud = (seconds >= BEEP) & (seconds < BEEP + 0.2)
            samples = (np.sin(seconds * 2 * math.pi * 440) * loud * 20_000).astype(np.int16)
            heard = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = RATE, number * (RATE // 25), Fraction(1, RATE)
            container.mux(sound.encode(heard))
        container.mux(pictures.encode(None))
        container.mux(sound.encode(None))
    return path


def beep_in(path: Path) -> float:
    """The second at which the sound of a file becomes loud."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1)
            if len(loud) and frame.time is not None:
                return frame.time + float(loud[0]) / frame.sample_rate
    return math.nan


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("film") / "film.mp4", range(100), options=KEYS)


@pytest.mark.parametrize("end", [1.8, 1.84, 1.88, 1.92, 1.96, 2.0])
def test_a_moment_from_a_key_frame_on_is_copied_and_shows_the_same_frames(
    film: Path, tmp_path: Path, end: float
) -> None:
    cut = cut_moment(film, tmp_path / "out.mp4", 1.0, end)
    assert cut.copied
    frames = round((end - 1.0) * 25)
    seconds, numbers = shown(tmp_path / "out.mp4")
    assert numbers == list(range(25, 25 + frames))  # no frame that is only there because others refer to it
    assert seconds == pytest.approx([number / 25 for number in range(frames)], abs=1e-3)
    assert length_of(tmp_path / "out.mp4") == pytest.approx(end - 1.0, abs=2e-3)


@pytest.mark.parametrize("name", ["film.mkv", "film.flv", "film.mov"])
@pytest.mark.parametrize("start", [0.0, 1.0, 2.2])
def test_packets_of_other_containers_are_copied_too(tmp_path: Path, name: str, start: float) -> None:
    film = write_numbered(tmp_path / name, range(100), options=KEYS)
    assert cut_moment(film, tmp_path / "out.mp4", start, start + 0.8).copied
    seconds, numbers = shown(tmp_path / "out.mp4")
    first = round(start * 25)
    assert numbers == list(range(first, first + 20))
    assert seconds == pytest.approx([number / 25 for number in range(20)], abs=2e-3)
    assert length_of(tmp_path / "out.mp4") == pytest.approx(0.8, abs=2e-3)


def test_copied_packets_decode_to_the_same_pixels(film: Path, tmp_path: Path) -> None:
    assert cut_moment(film, tmp_path / "out.mp4", 2.0, 3.0).copied
    with Video.open(film) as video, Video.open(tmp_path / "out.mp4") as moment:
        expected = video.frames_at(np.arange(50, 75) / 25, 64).rgb
        assert np.array_equal(moment.frames_at(np.arange(25) / 25 + 1e-3, 64).rgb, expected)


def test_what_a_player_decodes_before_the_moment_is_hidden(film: Path, tmp_path: Path) -> None:
    cut = cut_moment(film, tmp_path / "out.mp4", 1.25, 2.2)
    seconds, numbers = shown(tmp_path / "out.mp4")
    assert cut.copied
    assert numbers[:3] == [31, 32, 33]  # 31 has been on the screen since 1.24
    assert seconds[:3] == pytest.approx([0.0, 0.03, 0.07], abs=1e-3)


def test_a_moment_far_from_a_key_frame_is_encoded_with_its_times(film: Path, tmp_path: Path) -> None:
    cut = cut_moment(film, tmp_path / "out.mp4", 1.7, 3.1)
    seconds, numbers = shown(tmp_path / "out.mp4")
    assert not cut.copied
    assert numbers == list(range(42, 78))
    assert seconds == pytest.approx([0.0, *(number / 25 - 1.7 for number in range(43, 78))], abs=1e-3)
    assert length_of(tmp_path / "out.mp4") == pytest.approx(1.4, abs=2e-3)


def test_what_could_be_copied_is_encoded_if_that_is_asked_for(film: Path, tmp_path: Path) -> None:
    assert not cut_moment(film, tmp_path / "out.mp4", 1.0, 2.0, copies=False).copied
    assert shown(tmp_path / "out.mp4")[1] == list(range(25, 50))


@pytest.mark.parametrize("copies", [True, False])
def test_a_variable_rate_stays_variable(tmp_path: Path, copies: bool) -> None:
    times = [0, 1, 2, 10, 40, 41]
    film = write_numbered(tmp_path / "film.mp4", times, options={"bf": "0"})
    assert cut_moment(film, tmp_path / "out.mp4", 0.0, 60.0, copies=copies).copied == copies
    seconds, numbers = shown(tmp_path / "out.mp4")
    assert numbers == list(range(6))
    assert seconds == pytest.approx([time / 25 for time in times], abs=1e-3)


@pytest.mark.parametrize("copies", [True, False])
def test_a_picture_that_is_held_is_there_again_before_the_end(tmp_path: Path, copies: bool) -> None:
    """A browser ends a film without sound once its last frame is on the screen."""
    film = write_numbered(tmp_path / "film.mkv", [0, 1, 2, 500, 501], options={"bf": "2"})
    cut = cut_moment(film, tmp_path / "out.mp4", 0.04, 15.0, copies=copies)
    assert not cut.copied
    assert cut.duration_seconds == pytest.approx(14.96)
    assert length_of(tmp_path / "out.mp4") == pytest.approx(14.96, abs=2e-3)
    seconds, numbers = shown(tmp_path / "out.mp4")
    assert numbers == [1, 2, 2]
    assert seconds == pytest.approx([0.0, 0.04, 14.92], abs=1e-3)


def test_frames_counted_because_the_file_has_no_times_keep_ours(tmp_path: Path) -> None:
    for name in ("raw.h264", "b_frames.avi"):
        film = write_numbered(tmp_path / name, range(50), options=KEYS)
        assert not cut_moment(film, tmp_path / "out.mp4", 1.0, 1.6).copied
        seconds, numbers = shown(tmp_path / "out.mp4")
        assert numbers == list(range(25, 40))
        assert seconds == pytest.approx([number / 25 for number in range(15)], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "size", "pix_fmt"),
    [
        ("clip.gif", "gif", (96, 64), "rgb8"),
        ("odd.mkv", "ffv1", (97, 63), "yuv444p"),
        ("clip.webm", "libvpx-vp9", (96, 64), "yuv420p"),
        ("hevc.mp4", "libx265", (96, 64), "yuv420p"),
        ("ten_bits.mp4", "libx264", (96, 64), "yuv420p10le"),
        ("clip.ts", "libx264", (96, 64), "yuv420p"),
    ],
)
def test_what_is_not_h264_in_8_bits_becomes_so(
    tmp_path: Path, name: str, codec: str, size: tuple[int, int], pix_fmt: str
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    film = write_numbered(tmp_path / name, range(20), codec=codec, options=options, size=size, pix_fmt=pix_fmt)
    assert not cut_moment(film, tmp_path / "out.mp4", 0.2, 0.6).copied
    assert shown(tmp_path / "out.mp4")[1] == list(range(5, 15))
    facts = play_facts(tmp_path / "out.mp4")
    assert (facts.codec, facts.pixel_format, facts.not_played) == ("h264", "yuv420p", None)
    assert (facts.width, facts.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)


def test_large_pictures_are_shrunk(tmp_path: Path) -> None:
    film = write_numbered(tmp_path / "film.mkv", range(3), size=(1920, 1080), options={"preset": "ultrafast"})
    cut_moment(film, tmp_path / "out.mp4", 0.0, 1.0, copies=False)
    facts = play_facts(tmp_path / "out.mp4")
    assert (facts.width, facts.height) == (1280, 720)


@pytest.mark.parametrize("start", [1.0, 1.3, 1.7])
def test_sound_stays_with_its_picture(tmp_path: Path, start: float) -> None:
    film = write_with_sound(tmp_path / "film.mp4")
    cut = cut_moment(film, tmp_path / "out.mp4", start, 3.0)
    assert cut.copied == (start < 1.5)
    assert play_facts(tmp_path / "out.mp4").audio == "aac"
    assert beep_in(tmp_path / "out.mp4") == pytest.approx(BEEP - start, abs=0.02)
    assert length_of(tmp_path / "out.mp4") == pytest.approx(3.0 - start, abs=0.03)


@pytest.mark.parametrize(("name", "codec", "video"), [("a.mkv", "ac3", "libx264"), ("a.webm", "libopus", "libvpx-vp9")])
def test_sound_that_browsers_or_mp4_do_not_know_becomes_aac(tmp_path: Path, name: str, codec: str, video: str) -> None:
    film = write_with_sound(tmp_path / name, codec, video)
    cut_moment(film, tmp_path / "out.mp4", 1.0, 3.0)
    assert play_facts(tmp_path / "out.mp4").audio == "aac"
    assert beep_in(tmp_path / "out.mp4") == pytest.approx(1.0, abs=0.02)


def test_sound_that_ends_before_the_moment_is_noted(tmp_path: Path) -> None:
    film = write_with_sound(tmp_path / "film.mkv", "ac3")
    silent = tmp_path / "silent.mkv"
    with av.open(str(film)) as source, av.open(str(silent), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None and (packet.stream.type == "video" or packet.dts < 1000):
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    assert cut_moment(silent, tmp_path / "out.mp4", 2.0, 3.0).notes == ("no sound can be read in this moment",)
    assert play_facts(tmp_path / "out.mp4").audio is None


def test_a_moment_outside_of_the_video_or_without_length_is_refused(film: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"film\.mp4: no pictures between 5 and 6 s \(they are from 0 to 4 s\)"):
        cut_moment(film, tmp_path / "out.mp4", 5.0, 6.0)
    for start, end in ((2.0, 2.0), (3.0, 2.0), (math.nan, 1.0), (0.0, math.inf)):
        with pytest.raises(ValueError, match="start < end"):
            cut_moment(film, tmp_path / "out.mp4", start, end)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_moment_leaves_the_old_file_alone(film: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.mp4"
    content = bytearray(film.read_bytes())
    table = content.find(b"moov") - 4  # behind the packets
    content[table // 2 : table] = bytes(table - table // 2)
    half.write_bytes(content)
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(VideoError, match="damaged after"):
        cut_moment(half, tmp_path / "out.mp4", 1.7, 4.0)
    assert (tmp_path / "out.mp4").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half.mp4", "out.mp4"]


def test_a_folder_that_is_not_there_is_named(film: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"its moment cannot be written to .*gone.out\.mp4 \(No such file"):
        cut_moment(film, tmp_path / "gone" / "out.mp4", 0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "reason"),
    [
        ("a.mp4", "libx264", "yuv420p", None),
        ("a.mkv", "libx264", "yuv420p", None),
        ("a.webm", "libvpx-vp9", "yuv420p", None),
        ("a.avi", "libx264", "yuv420p", "browsers do not open this container (avi)"),
        ("a.gif", "gif", "rgb8", "browsers do not open this container (gif)"),
        ("a.ts", "libx264", "yuv420p", "browsers do not open this container (mpegts)"),
        ("a.flv", "libx264", "yuv420p", "browsers do not open this container (flv)"),
        ("a.h264", "libx264", "yuv420p", "browsers do not open this container (h264)"),
        ("b.mp4", "mpeg4", "yuv420p", "browsers do not play this codec (mpeg4)"),
        ("c.mp4", "libx264", "yuv444p", "browsers play H.264 only in 8 bits and 4:2:0 (found yuv444p)"),
        ("d.mp4", "libx264", "yuv420p10le", "browsers play H.264 only in 8 bits and 4:2:0 (found yuv420p10le)"),
    ],
)
def test_play_facts_say_what_a_browser_plays(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, reason: str | None
) -> None:
    facts = play_facts(write_numbered(tmp_path / name, range(10), codec=codec, pix_fmt=pix_fmt))
    assert facts.not_played == reason
    assert (facts.width, facts.height, facts.rotation, facts.audio) == (96, 64, 0, None)
    assert facts.frames_per_second == pytest.approx(25, rel=0.05)


def test_sound_is_no_reason_against_a_film_that_plays(tmp_path: Path) -> None:
    facts = play_facts(write_with_sound(tmp_path / "film.mkv", "ac3"))
    assert (facts.audio, facts.not_played, facts.codec) == ("ac3", None, "h264")


def test_a_film_of_one_frame_has_no_rate(tmp_path: Path) -> None:
    assert play_facts(write_numbered(tmp_path / "one.mp4", [0])).frames_per_second is None


@pytest.mark.real
@pytest.mark.parametrize("folder", ["robustness", "captioned"])
def test_every_odd_file_becomes_a_moment_of_its_length_or_an_error(
    real_data: Path, tmp_path: Path, folder: str
) -> None:
    files = sorted(path for path in (real_data / folder).iterdir() if path.suffix not in (".json", ".md"))
    out, wrong = tmp_path / "out.mp4", []
    with Guard(once, stall_seconds=20) as guard:
        for path in files:
            try:
                [facts] = guard.stream(str(path), play_facts, path)
                length = min(facts.duration_seconds, 1000.0)
                for start, end in ((0.0, length), (0.4 * length, 0.8 * length)):
                    [cut] = guard.stream(str(path), cut_moment, path, out, start, end)
                    found = length_of(out)
                    if abs(found - (end - start)) > 0.01 or abs(found - cut.duration_seconds) > 0.01:
                        wrong.append(f"{path.name}: {found} of {start}-{end}")
            except VideoError as error:
                if "died" in error.found or "given up" in error.found or "should not" in error.remedy:
                    wrong.append(str(error))
    assert wrong == []


@pytest.mark.real
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_videos_are_copied_with_their_turn_and_encoded_upright(
    real_data: Path, tmp_path: Path, degrees: int
) -> None:
    path = real_data / "robustness" / f"rotation_{degrees}.mp4"
    pictures = []
    for copies, rotation in ((True, degrees), (False, 0)):
        cut = cut_moment(path, tmp_path / "out.mp4", 0.0, 1.0, copies=copies)
        with Video.open(tmp_path / "out.mp4") as video:
            assert (cut.copied, video.info.rotation) == (copies, rotation)
            pictures.append(video.frames_at([0.5], 64).rgb[0])
    assert np.corrcoef(pictures[0].ravel(), pictures[1].ravel())[0, 1] > 0.95
