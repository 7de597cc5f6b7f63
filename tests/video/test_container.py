"""The door: names of every kind are opened, playlists and other pointers are not followed."""

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from deltaclip.errors import VideoError
from deltaclip.video import Video
from deltaclip.video.container import CONTAINER_FORMATS
from tests.video.clips import number_of, write_numbered

POINTERS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n",
    "list.mp4": "ffconcat version 1.0\nfile clip.mp4\n",
    "list.mpd": "<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'></MPD>\n",
    "list.pls": "[playlist]\nFile1=clip.mp4\n",
    "list.asx": "<ASX version='3.0'><entry><ref href='clip.mp4'/></entry></ASX>\n",
}


def test_a_damaged_avi_is_not_taken_for_a_picture_that_begins_alike(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    path.write_bytes(b"RIFF\x10\0\0\0AVI LISTgarbagegarbage")
    with pytest.raises(VideoError, match="not a video that FFmpeg can open"):
        Video.open(path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("clips") / "clip.mp4", range(3))


@pytest.mark.parametrize(
    "name", ["-i.mp4", "two words.mp4", "two\nlines.mp4", "ü.mp4", "a:b|c%03d.mp4", "file:x.mp4", "clip.txt", "clip"]
)
def test_any_name_is_only_a_name(clip: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip.read_bytes())
    with Video.open(name) as video:
        assert number_of(video.frames_at([0.05], 32).rgb[0]) == 1


def test_a_name_that_is_no_text_is_a_name_too(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.write_bytes(clip.read_bytes())
    with Video.open(path) as video:
        assert video.info.num_frames == 3


@pytest.mark.parametrize("name", POINTERS)
def test_a_playlist_is_refused_whatever_its_name(clip: Path, name: str) -> None:
    path = clip.with_name(name)
    path.write_text(POINTERS[name])
    with pytest.raises(VideoError, match="playlist or manifest that points elsewhere"):
        Video.open(path)


def test_formats_that_open_other_files_are_not_on_the_list() -> None:
    assert not {"hls", "dash", "concat", "image2", "sdp", "rtsp", "vobsub", "imf", "lavfi"} & set(CONTAINER_FORMATS)


def test_every_format_on_the_list_is_one_that_ffmpeg_has() -> None:
    known = {name for names in av.formats_available for name in names.split(",")}
    assert set(CONTAINER_FORMATS) <= known


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "the file is empty"), (b"<html>not found</html>" * 40, "not a video"), (bytes(4000), "not a video")],
)
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=found):
        Video.open(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone.mp4: cannot be read \(No such file"):
        Video.open(tmp_path / "gone.mp4")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="not a plain file"):
        Video.open(tmp_path / "pipe.mp4")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="not a plain file"):
        Video.open(tmp_path)


def test_a_file_without_video_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame(format="s16", layout="mono", samples=1024)
        frame.sample_rate, frame.pts = 8000, 0
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(VideoError, match=r"no video stream \(found 1 audio stream\)"):
        Video.open(path)


def test_a_codec_nobody_knows_is_named_as_the_cause(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "strange.mp4"
    path.write_bytes(clip.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(VideoError, match="codec is not known"):
        Video.open(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "mp4"])
def test_a_still_picture_is_a_video_of_one_frame(tmp_path: Path, suffix: str) -> None:
    codec = {"jpg": "mjpeg", "mp4": "mjpeg", "png": "png", "webp": "libwebp", "bmp": "bmp"}[suffix]
    path = tmp_path / f"still.{suffix}"
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.framerate = 96, 64, Fraction(25)
    context.pix_fmt = {"jpg": "yuvj420p", "mp4": "yuvj420p", "png": "rgb24", "webp": "yuv420p", "bmp": "bgr24"}[suffix]
    frame = av.VideoFrame(96, 64, context.pix_fmt)
    packets = [*context.encode(frame), *context.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
    with Video.open(path) as video:
        assert video.info.num_frames == 1
        assert video.frames_at([0, 0.5], 32).rgb.shape == (2, 32, 48, 3)
