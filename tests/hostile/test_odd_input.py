"""Files and folders that are odd in other ways than by damage: huge, endless, crowded, badly named, gone, forbidden."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deltaclip.errors import VideoError
from deltaclip.library import Library
from deltaclip.pipeline import Pipeline
from deltaclip.processes import Guard, once
from deltaclip.reader import Clip, ReaderSpec, read_moments
from deltaclip.video import Video, write_mp4
from tests.hostile.reading import LIMIT_MB, index_all
from tests.library.fakes import FakeEncoder, FakeMotionEncoder
from tests.video.clips import write_numbered


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTACLIP_MEMORY_LIMIT", str(LIMIT_MB))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "videos").mkdir()
    return write_numbered(tmp_path / "videos" / "clip.mp4", range(30))


# Size


def test_one_frame_of_8k_is_read_within_the_limit(tmp_path: Path) -> None:
    rgb = np.zeros((1, 4320, 7680, 3), np.uint8)
    rgb[:, 1000:2000, 1000:2000] = 255
    write_mp4(tmp_path / "8k.mp4", rgb, 24)
    assert index_all([tmp_path / "8k.mp4"], tmp_path / "library").failures == ()


def test_pictures_of_more_pixels_than_any_camera_makes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_numbered(tmp_path / "clip.mp4", range(3))
    monkeypatch.setattr("deltaclip.video.container.MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(VideoError, match=r"pictures of 96x64 pixels. Scale it down first."):
        Video.open(path)


def test_pictures_that_grow_midway_are_not_decoded_above_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = write_numbered(tmp_path / "small.ts", range(10), codec="mpeg2video")
    large = write_numbered(tmp_path / "large.ts", range(10, 20), codec="mpeg2video", size=(960, 640))
    (tmp_path / "both.ts").write_bytes(small.read_bytes() + large.read_bytes())
    with Video.open(tmp_path / "both.ts") as video:
        video.frames_at([0.7], 32)  # each is read as long as there is no limit
    monkeypatch.setattr("deltaclip.video.decode.MAX_PIXELS", 960 * 640 - 1)
    with Video.open(tmp_path / "both.ts") as video:
        video.frames_at([0.1], 32)
        with pytest.raises(VideoError, match="damaged after"):
            video.frames_at([0.7], 32)


def test_a_file_that_wants_more_memory_than_it_may_take_costs_itself(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTACLIP_MEMORY_LIMIT", "60")
    rgb = np.zeros((2, 2160, 3840, 3), np.uint8)
    write_mp4(clip.with_name("4k.mp4"), rgb, 24)
    with Library.open(clip.parent / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        report = library.index([clip.parent], workers=1)
    assert (report.indexed, [failure.path.name for failure in report.failures]) == (1, ["4k.mp4"])


# Time


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_two_frames_an_hour_apart_are_read_at_once(tmp_path: Path, suffix: str) -> None:
    path = write_numbered(tmp_path / f"long.{suffix}", [0, 25 * 3600])
    with Guard(once, stall_seconds=10) as guard:
        [clips] = guard.stream(str(path), _moments_of, path)
    assert len(clips) <= 3
    assert 3599 < clips[-1][1] < 7201


def test_a_last_frame_that_is_declared_to_last_for_years_is_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "years.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        packets = [*stream.encode(frame), *stream.encode(None)]
        for packet in packets:
            packet.duration = int(10**9 / packet.time_base)  # 31 years
            container.mux(packet)
    with Video.open(path) as video:
        assert len(video.segments()) <= 2


def _moments_of(path: Path) -> list[tuple[float, float]]:
    return [(clip.start, clip.end) for clip in read_moments(path, ReaderSpec(32, 2, None))]


# Streams


def with_tracks(path: Path, count: int) -> bytes:
    """An mp4 with its only track so many times."""
    data = path.read_bytes()
    start, end = next((start, end) for kind, start, end in boxes(data, 0, len(data)) if kind == b"moov")
    parts = [(kind, data[a:b]) for kind, a, b in boxes(data, start + 8, end)]
    [track] = [part for kind, part in parts if kind == b"trak"]
    body = b"".join(part for kind, part in parts if kind != b"trak") + track * count
    return data[:start] + (len(body) + 8).to_bytes(4, "big") + b"moov" + body + data[end:]


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the boxes of an mp4 (ISO/IEC 14496-12)."""
    while start + 8 <= end:
        size = int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], start, start + size
        start += size


@pytest.mark.parametrize("count", [257, 5000])
def test_thousands_of_streams_are_refused(clip: Path, count: int) -> None:
    crowded = clip.with_name("crowded.mp4")
    crowded.write_bytes(with_tracks(clip, count))
    with pytest.raises(VideoError, match="more than 256 streams"):
        Video.open(crowded)


def test_a_hundred_streams_are_read(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "many.mkv"), "w") as container:
        streams = [container.add_stream("mpeg4", rate=10) for _ in range(100)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt, stream.codec_context.thread_count = 32, 32, "yuv420p", 1
        for stream in streams:
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
            container.mux([*stream.encode(frame), *stream.encode(None)])
    assert index_all([tmp_path / "many.mkv"], tmp_path / "library").failures == ()


# Names and folders


@pytest.mark.parametrize(
    "name",
    [
        b"a\nb.mp4",
        "\N{CLAPPER BOARD}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}.mp4".encode(),
        b"\xff\xfe.mp4",
        b"'\"`$(x).mp4",
        b"-i.mp4",
        b"%d.mp4",
        b"concat:a|b.mp4",
        b"\x1b[31m.mp4",
    ],
)
def test_any_name_is_read_and_found(clip: Path, name: bytes) -> None:
    odd = clip.parent / os.fsdecode(name)
    clip.rename(odd)
    with Library.open(clip.parents[1] / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        assert library.index([clip.parent]).failures == ()
        assert [hit.path for hit in library.search("a 0")] == [odd]
        assert library.verify().ok


def test_links_in_a_circle_are_walked_once(clip: Path) -> None:
    (clip.parent / "sub").mkdir()
    (clip.parent / "sub" / "up").symlink_to(clip.parent)
    (clip.parent / "self").symlink_to(clip.parent / "self")
    (clip.parent / "loop.mp4").symlink_to(clip.parent / "loop.mp4")
    (clip.parent / "one.mp4").symlink_to(clip.parent / "two.mp4")
    (clip.parent / "two.mp4").symlink_to(clip.parent / "one.mp4")
    assert_read_alone(clip)


def assert_read_alone(clip: Path) -> None:
    with Library.open(clip.parents[1] / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        report = library.index([clip.parent])
        assert [row.path for row in library.videos() if row.status == "indexed"] == [clip]
        assert report.seen == report.indexed + report.failed
        assert library.verify().ok


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{0}\n#EXT-X-ENDLIST\n"),
        ("a.mp4", "ffconcat version 1.0\nfile '{0}'\n"),
        ("a.mpd", '<?xml version="1.0"?><MPD><Period><BaseURL>{0}</BaseURL></Period></MPD>'),
        ("a.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na={0}\n"),
        ("a.asx", '<asx version="3.0"><entry><ref href="{0}"/></entry></asx>'),
    ],
)
def test_a_file_that_names_an_address_speaks_to_nobody(tmp_path: Path, name: str, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/clip.mp4"
        (tmp_path / name).write_text(text.format(address))
        with pytest.raises(VideoError):
            Video.open(tmp_path / name)
        with pytest.raises(TimeoutError):
            server.accept()


# Files that change


def read_and_harm(path: Path, spec: ReaderSpec, segment_seconds: float) -> Iterator[Clip]:
    """Reads the first moment; then something happens to the file, by its name."""
    for number, moment in enumerate(read_moments(path, spec, segment_seconds)):
        yield moment
        if number == 0 and "vanish" in path.name:
            path.unlink()
        if number == 0 and "shrink" in path.name:
            os.truncate(path, 1000)
        if number == 0 and "grow" in path.name:
            with path.open("ab") as file:
                file.write(bytes(1000))
        if number == 0 and "swap" in path.name:
            path.write_bytes(b"no video at all")


def test_files_that_change_or_vanish_while_they_are_read_cost_themselves(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("1 vanish", "2 shrink", "3 grow", "4 swap", "5 stay"):
        write_numbered(videos / f"{name}.mkv", range(0, 40 * 25, 25), time_base=Fraction(1, 25))

    def open_reader(workers: int) -> Pipeline[Clip]:
        return Pipeline(read_and_harm, workers)

    encoders = FakeEncoder(), FakeMotionEncoder()
    with Library.open(tmp_path / "library", *encoders, create=True, open_reader=open_reader) as library:
        report = library.index([videos])
        assert (report.seen, report.indexed, report.failed) == (5, 1, 4)
        assert [path.name for path in {hit.path for hit in library.search("a 0", limit=99)}] == ["5 stay.mkv"]
        assert library.status().segments == report.segments


def test_a_file_that_grows_while_it_is_looked_at_is_read_by_the_next_run(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    clip.write_bytes(whole[:1000])
    with Library.open(tmp_path / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        assert library.index([clip.parent]).failed == 1
        clip.write_bytes(whole)
        assert library.index([clip.parent]).indexed == 1
        assert library.verify().ok


FORBIDDEN = """
import os, sys
from contextlib import nullcontext
from pathlib import Path
from deltaclip.library import Library
from deltaclip.reader import read_moments
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, InTurn
def index(path, place):
    reader = lambda workers: nullcontext(InTurn(lambda path, spec: read_moments(path, spec)))
    with Library.open(place, FakeEncoder(), FakeMotionEncoder(), create=True, open_reader=reader) as library:
        return library.index([path])

index(sys.argv[2] + "/clip.mp4", sys.argv[1] + "/first")  # imports everything before the user changes
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
report = index(sys.argv[2], sys.argv[1] + "/second")
print(report.indexed, *(f"{failure.path.name}: {failure.reason}" for failure in report.failures), sep="\\n")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_files_and_folders_without_permission_are_named(clip: Path, tmp_path: Path) -> None:
    forbidden = write_numbered(clip.with_name("forbidden.mp4"), range(10))
    closed = clip.parent / "closed"
    closed.mkdir()
    write_numbered(closed / "inside.mp4", range(10))
    (tmp_path / "library").mkdir(0o777)
    (tmp_path / "library").chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o011)
    forbidden.chmod(0)
    closed.chmod(0)
    words = [sys.executable, "-c", FORBIDDEN, str(tmp_path / "library"), str(clip.parent)]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    closed.chmod(0o755)
    assert done.returncode == 0, done.stderr
    indexed, first, second = done.stdout.splitlines()
    assert indexed == "1"
    assert first.startswith("closed: ")
    assert second.startswith("forbidden.mp4: cannot be read (Permission denied)")
