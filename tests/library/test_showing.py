"""What a page shows of a moment: pictures, outlines and clips, made in children that may die."""

import dataclasses
import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deltaclip.errors import VideoError
from deltaclip.library import RememberedEncoder, Showing, Thumbnails
from deltaclip.video import Video, write_mp4
from tests.helpers import moving_square
from tests.library.fakes import FakeEncoder
from tests.library.showing_jobs import crash, take_long
from tests.video.clips import write_numbered

DIFFERENCE = dataclasses.replace(RememberedEncoder.of(FakeEncoder()), motion="difference", num_frames=6)


@pytest.fixture(scope="module")
def showing() -> Iterator[Showing]:
    with Showing() as showing:
        yield showing


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A textured square that goes right by 1.25 picture heights a second over a textured ground, for a second."""
    rng = np.random.default_rng(0)
    ground, square = rng.integers(60, 120, (128, 160, 3)), rng.integers(150, 255, (48, 48, 3))
    frames = np.repeat(np.kron(ground[:32, :40], np.ones((4, 4, 1)))[None], 24, axis=0).astype(np.uint8)
    for number, frame in enumerate(frames):
        left = 4 + 4 * number
        frame[40:88, left : left + 48] = np.kron(square[:12, :12], np.ones((4, 4, 1)))
    path = tmp_path_factory.mktemp("showing") / "film.mp4"
    write_mp4(path, frames, 24)
    return path


def opened(jpeg: bytes) -> NDArray[np.int64]:
    """(H, W, 3) of a JPEG file."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        return np.asarray(picture.convert("RGB")).astype(np.int64)


def test_a_thumbnail_is_a_frame_of_the_moment_with_and_without_what_moves(showing: Showing, film: Path) -> None:
    both = showing.thumbnails(film, 0.0, 1.0, DIFFERENCE)
    plain, outlined = opened(both.plain), opened(both.outlined)
    assert plain.shape == outlined.shape == (256, 320, 3)
    assert both.fallback is None
    with Video.open(film) as video:
        frames = video.frames_at(video.frame_seconds, 256).rgb
    assert min(np.abs(frame - plain).mean() for frame in frames) < 5
    assert np.ptp(outlined[-20:], axis=2).mean() < np.ptp(plain[-20:], axis=2).mean() / 3  # the ground became grey
    assert showing.thumbnail(film, 0.0, 1.0, DIFFERENCE, outlined=True) == both.outlined
    assert showing.thumbnail(film, 0.0, 1.0, DIFFERENCE, outlined=False) == both.plain


def test_the_mask_is_that_of_the_library_and_subject_if_it_has_none(showing: Showing, film: Path) -> None:
    without = dataclasses.replace(DIFFERENCE, motion=None)
    subject = dataclasses.replace(DIFFERENCE, motion="subject")
    drawn = [showing.thumbnails(film, 0.0, 1.0, each).outlined for each in (DIFFERENCE, without, subject)]
    assert drawn[0] != drawn[1] == drawn[2]
    assert showing.thumbnails(film, 0.0, 1.0, None).plain


def test_a_tall_picture_is_at_most_one_and_a_half_times_as_tall_as_it_may_be_wide(
    showing: Showing, tmp_path: Path
) -> None:
    write_mp4(tmp_path / "tall.mp4", np.full((6, 128, 32, 3), 90, np.uint8), 6)
    assert opened(showing.thumbnails(tmp_path / "tall.mp4", 0.0, 1.0, None).plain).shape == (480, 120, 3)


def test_a_moment_in_which_nothing_moves_says_so_and_is_not_outlined(showing: Showing, tmp_path: Path) -> None:
    write_mp4(tmp_path / "still.mp4", np.full((12, 64, 64, 3), 90, np.uint8), 12)
    both = showing.thumbnails(tmp_path / "still.mp4", 0.0, 1.0, None)
    assert both == Thumbnails(both.plain, both.plain, "static")
    outlines = showing.outlines(tmp_path / "still.mp4", 0.0, 1.0)
    assert outlines.fallback == ("static",) * 5
    assert outlines.polygons == ((),) * 5
    assert outlines.arrows == (None,) * 5


def test_frames_are_spread_over_the_moment(showing: Showing, tmp_path: Path) -> None:
    frames = np.stack([np.full((64, 64, 3), 20 * number, np.uint8) for number in range(12)])
    write_mp4(tmp_path / "lighter.mp4", frames, 12)
    found = showing.frames(tmp_path / "lighter.mp4", 0.0, 1.0, None, 4, outlined=False, width=64)
    assert [round(opened(jpeg).mean() / 20) for jpeg in found] == [1, 4, 7, 10]


def test_outlined_frames_are_the_same_frames(showing: Showing, film: Path) -> None:
    plain = showing.frames(film, 0.0, 1.0, DIFFERENCE, 3, outlined=False)
    outlined = showing.frames(film, 0.0, 1.0, DIFFERENCE, 3, outlined=True)
    assert [opened(jpeg).shape for jpeg in outlined] == [opened(jpeg).shape for jpeg in plain] == [(256, 320, 3)] * 3
    assert not set(plain) & set(outlined)


def test_outlines_surround_what_moves_and_say_where_to(showing: Showing, film: Path) -> None:
    outlines = showing.outlines(film, 0.0, 1.0, per_second=8)
    assert outlines.seconds == pytest.approx([(number + 0.5) / 8 for number in range(8)], abs=1e-3)
    for second, polygons, arrow in zip(outlines.seconds, outlines.polygons, outlines.arrows, strict=True):
        left = (4 + 4 * int(second * 24)) / 160
        points = np.concatenate([np.array(polygon) for polygon in polygons])
        assert points.min(axis=0) == pytest.approx([left, 40 / 128], abs=0.06)
        assert points.max(axis=0) == pytest.approx([left + 48 / 160, 88 / 128], abs=0.06)
        assert arrow == pytest.approx((left + 24 / 160, 0.5, 0.75, 0.0), abs=0.12)
    assert all(0.05 < share < 0.2 for share in outlines.coverage)
    assert all(camera is not None and max(map(abs, camera)) < 0.05 for camera in outlines.cameras)
    assert len(json.dumps(dataclasses.asdict(outlines))) < 8 * 1000


def test_a_mask_that_measures_no_flow_has_outlines_without_arrows(showing: Showing, film: Path) -> None:
    outlines = showing.outlines(film, 0.0, 1.0, motion="difference")
    assert any(outlines.polygons)
    assert outlines.arrows == outlines.cameras == (None,) * 5


def test_a_cut_moment_is_there_alone(showing: Showing, film: Path, tmp_path: Path) -> None:
    cut = showing.cut(film, tmp_path / "out.mp4", 0.25, 0.75)
    assert cut.duration_seconds == 0.5
    assert showing.facts(tmp_path / "out.mp4").duration_seconds == pytest.approx(0.5, abs=2e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_what_a_browser_plays_is_known(showing: Showing, tmp_path: Path) -> None:
    film = write_numbered(tmp_path / "film.avi", range(10))
    assert showing.facts(film).not_played == "browsers do not open this container (avi)"


def test_a_file_that_is_gone_is_named(showing: Showing, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4: cannot be read"):
        showing.facts(tmp_path / "gone.mp4")
    with pytest.raises(VideoError, match=r"gone\.mp4: cannot be read"):
        showing.cut(tmp_path / "gone.mp4", tmp_path / "out.mp4", 0.0, 1.0)
    assert list(tmp_path.iterdir()) == []


def test_wrong_numbers_are_refused_before_a_file_is_opened(showing: Showing, tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    with pytest.raises(ValueError, match="121 frames at once: ask for at most 120"):
        showing.outlines(gone, 0.0, 24.2)
    with pytest.raises(ValueError, match="start < end"):
        showing.thumbnails(gone, 2.0, 1.0, None)
    with pytest.raises(ValueError, match="width starts at 1"):
        showing.thumbnails(gone, 0.0, 1.0, None, width=0)
    with pytest.raises(ValueError, match="count must be 1 to 120"):
        showing.frames(gone, 0.0, 1.0, None, 0, outlined=False)
    with pytest.raises(ValueError, match="per_second must be positive"):
        showing.outlines(gone, 0.0, 1.0, per_second=0)
    with pytest.raises(ValueError, match="did you mean subject"):
        showing.outlines(gone, 0.0, 1.0, motion="subjct")
    with pytest.raises(ValueError, match="workers start at 1"):
        Showing(0)


def test_many_threads_get_what_one_gets(showing: Showing, film: Path) -> None:
    alone = showing.thumbnails(film, 0.0, 1.0, DIFFERENCE)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: showing.thumbnails(film, 0.0, 1.0, DIFFERENCE), range(16)))
    assert found == [alone] * 16


def test_a_file_that_kills_its_child_is_an_error_of_that_file_alone(film: Path) -> None:
    with Showing(1) as showing:
        with pytest.raises(VideoError, match="the process that read it died twice"):
            showing._call(crash, film)
        assert showing.facts(film).codec == "h264"


def test_closing_ends_calls_that_run_and_calls_that_wait(tmp_path: Path) -> None:
    showing, errors = Showing(1), []

    def call() -> None:
        try:
            showing._call(take_long, tmp_path / "begun")
        except ValueError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    showing.close()
    for thread in threads:
        thread.join(30)
    assert errors == ["this Showing is closed"] * 3
    with pytest.raises(ValueError, match="this Showing is closed"):
        showing.facts(tmp_path / "begun")
    showing.close()


def test_a_cut_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    write_mp4(film, moving_square(240, step=0).repeat(8, axis=1).repeat(8, axis=2), 24)
    (tmp_path / "out").mkdir()
    showing = Showing(1)
    with ThreadPoolExecutor(1) as threads:
        cutting = threads.submit(showing.cut, film, tmp_path / "out" / "out.mp4", 0.0, 10.0, copies=False)
        while not list((tmp_path / "out").glob(".*/.*.partial")):
            assert not cutting.done()
            time.sleep(0.001)
        showing.close()
        assert isinstance(cutting.exception(), ValueError)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.real
@pytest.mark.parametrize("folder", ["robustness", "captioned"])
def test_every_odd_file_is_shown_or_an_error_of_its_own(real_data: Path, folder: str) -> None:
    wrong = []
    with Showing(1) as showing:
        for path in sorted((real_data / folder).iterdir()):
            try:
                end = min(showing.facts(path).duration_seconds, 10.0)
                both = showing.thumbnails(path, 0.0, end, None)
                outlines = showing.outlines(path, 0.0, end, per_second=min(5, 20 / end))
            except VideoError as error:
                if "died" in error.found or "given up" in error.found or "should not" in error.remedy:
                    wrong.append(str(error))
                continue
            height, width, _ = opened(both.plain).shape
            points = [point for polygons in outlines.polygons for polygon in polygons for point in polygon]
            if width > 320 or height > 480 or not all(0 <= min(point) <= max(point) <= 1 for point in points):
                wrong.append(f"{path.name}: {width}x{height}")
    assert wrong == []
