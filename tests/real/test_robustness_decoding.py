"""Every odd file of the reference data, and the frames of DAVIS, through the decoder as the library uses it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.processes import Guard
from deltaclip.video import Video, VideoInfo, uniform_seconds

pytestmark = pytest.mark.real

SHORT_SIDE = 32
DEFAULT_REAL_DATA = Path(__file__).parents[3] / "shared" / "data"
REAL_DATA = Path(os.environ.get("DELTACLIP_REAL_DATA", DEFAULT_REAL_DATA))
MANIFEST = REAL_DATA / "robustness" / "manifest.json"
ENTRIES: dict[str, dict[str, Any]] = (  # Any: the entries are JSON
    {entry["file"]: entry for entry in json.loads(MANIFEST.read_text())} if MANIFEST.is_file() else {}
)

NOT_AS_DECODED_BY_PYAV = {
    # file: (frames, seconds shown), where these are not what the manifest measured, and why
    "damaged_bytes.mp4": (75, 3.0),  # one of its packets gives no frame: the frame before stands in
    "real_corrupted.mp4": (50, 5.0),  # likewise, the last one
    "cover_picture_first.mkv": (50, 2.0),  # the manifest describes the picture, we take the film
    "resolution_change.ts": (50, 2.0),  # its clock starts again midway: the second half follows the first
    "huge_timestamps.mp4": (50, 1_799_999.96),  # last_timestamp follows the decoder, not the clock
}

LAST_FRAME_SECONDS = {
    # How long the last frame stays where that is not one period of the average rate
    "vfr.mp4": 0.2,
    "gif_zero_delay.gif": 0.1,
    "real_bbb_480p_vp9_opus_1second.webm": 0.041,
    "real_no_duration.webm": 0.066,
    "real_transparent.webm": 0.033,
    "real_block_ends_beyond_cluster.mkv": 0.033,
    "real_smallest_webm.webm": 0.04,
}


def look(path: str) -> Iterator[tuple[VideoInfo, NDArray[np.float64], tuple[int, ...]]]:
    """The guarded work: what a file holds, and the shape of twelve frames of it."""
    with Video.open(path) as video:
        frames = video.frames_at(uniform_seconds(video.whole.start, video.whole.end, 12), SHORT_SIDE)
        assert video.segments()[-1].end == video.whole.end
        assert len(video.segments()) <= video.info.num_frames
        yield video.info, video.frame_seconds, frames.rgb.shape


@pytest.fixture(scope="module")
def guard(real_data: Path) -> Iterator[Guard[tuple[VideoInfo, NDArray[np.float64], tuple[int, ...]]]]:
    with Guard(look, stall_seconds=10) as guard:
        yield guard


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_odd_file_ends_as_its_manifest_expects(
    guard: Guard[tuple[VideoInfo, NDArray[np.float64], tuple[int, ...]]], name: str
) -> None:
    entry, path = ENTRIES[name], str(MANIFEST.parent / name)
    error: VideoError | None = None
    try:
        ((info, seconds, shape),) = guard.stream(path, path)
    except VideoError as err:
        error = err
    assert entry["expect"] in {"either", "ok" if error is None else "error"}, error
    if error is None:
        check_times(name, entry, info, seconds)
        check_size(name, entry, info, shape)
    else:
        assert str(error).startswith(path)
        assert "died" not in error.found
        assert "given up" not in error.found


def check_times(name: str, entry: dict[str, Any], info: VideoInfo, seconds: NDArray[np.float64]) -> None:
    """Frames and duration are those of the manifest's decoded frames, not those of the headers."""
    if name in NOT_AS_DECODED_BY_PYAV:
        assert (info.num_frames, round(info.duration_seconds, 2)) == NOT_AS_DECODED_BY_PYAV[name]
        return
    assert info.num_frames == entry["frames"]
    if entry["last_timestamp"] is not None:
        shown = entry["last_timestamp"] - entry["first_timestamp"]
        assert seconds[-1] - seconds[0] == pytest.approx(
            shown, abs=6e-4
        )  # the manifest rounds, each of the two, to 1e-4 or 1e-3
        numerator, _, denominator = (entry["average_rate"] or "25").partition("/")
        last = LAST_FRAME_SECONDS.get(name, int(denominator or 1) / int(numerator))
        assert info.duration_seconds == pytest.approx(shown + last, abs=1e-3)


def check_size(name: str, entry: dict[str, Any], info: VideoInfo, shape: tuple[int, ...]) -> None:
    """Upright size: that of the decoded picture, turned by its rotation."""
    if name == "cover_picture_first.mkv":
        return
    size = (entry["width"], entry["height"])
    rotation = entry["rotation"] or 0
    assert info.rotation == rotation
    assert (info.width, info.height) == (size if rotation % 180 == 0 else size[::-1])
    assert shape[0] == 12
    assert min(shape[1:3]) == SHORT_SIDE


@pytest.mark.parametrize("name", ["playlist_relative.m3u8", "playlist_file_url.m3u8", "ffconcat_named.mp4"])
def test_playlists_are_told_apart_from_broken_files(real_data: Path, name: str) -> None:
    with pytest.raises(VideoError, match="playlist or manifest that points elsewhere"):
        Video.open(real_data / "robustness" / name)


@pytest.mark.parametrize(("degrees", "turns"), [(90, -1), (180, 2), (270, 1)])
def test_turned_phone_videos_stand_upright(real_data: Path, degrees: int, turns: int) -> None:
    folder = real_data / "robustness"
    with Video.open(folder / f"rotation_{degrees}.mp4") as turned, Video.open(folder / "mp4_named.txt") as plain:
        expected = np.rot90(plain.frames_at([1.0], 64).rgb[0], turns)
        assert np.array_equal(turned.frames_at([1.0], 64).rgb[0], expected)


def test_colours_do_not_depend_on_how_a_file_stores_them(real_data: Path) -> None:
    means = []
    for name in ("color_bt601.mp4", "color_bt709.mp4", "full_range.mp4", "rgb_ffv1.mkv", "hdr_pq.mp4", "alpha_png.mov"):
        with Video.open(real_data / "robustness" / name) as video:
            means.append(video.frames_at([0.0], 64).rgb.astype(float).mean(axis=(0, 1, 2)))
    assert np.ptp(means, axis=0).max() < 3


@pytest.mark.parametrize("name", ["bear", "bus", "kite-walk"])
def test_davis_frame_i_is_frame_i_of_plain_decoding_in_any_order(real_data: Path, name: str) -> None:
    path = real_data / "davis2016" / f"{name}.mp4"
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    plain = [frame.to_ndarray(format="gray") for frame in frames]
    order = np.random.default_rng(0).permutation(len(plain))
    with Video.open(path) as video:
        assert video.frame_seconds.tolist() == [frame.time for frame in frames]
        rgb = video.frames_at(order / 24, plain[0].shape[0]).rgb
        late, early = (video.frames_at([index / 24], plain[0].shape[0]).rgb[0] for index in (60, 5))
    for index, picture in zip([*order, 60, 5], [*rgb, late, early], strict=True):
        # The nearest of all plainly decoded frames is the one asked for.
        luma = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        window = range(max(index - 2, 0), min(index + 3, len(plain)))
        errors = {other: np.abs(luma - plain[other]).mean() for other in window}
        assert min(errors, key=lambda other: errors[other]) == index
