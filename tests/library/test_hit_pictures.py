"""Hits as pictures: every hit has its frame and overlay, and a file that is gone is told in its place."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import VideoError
from deltaclip.library import Hit, Library, Moment
from deltaclip.library.hit_pictures import draw_answers, draw_hits
from tests.helpers import write_square
from tests.library.fakes import FakeEncoder, FakeMotionEncoder


@pytest.fixture(scope="module")
def hit(tmp_path_factory: pytest.TempPathFactory) -> Hit:
    return Hit(write_square(tmp_path_factory.mktemp("v") / "square.mp4"), 0.0, 2.0, 0.5, 0.1, "1.0", "1")


def test_each_hit_gets_a_row_of_three_frames_with_their_overlays(hit: Hit) -> None:
    one, two = draw_hits("red", [hit], "difference", 6), draw_hits("red", [hit, hit], "difference", 6)
    assert one.shape[1] == two.shape[1] > 6 * 224
    assert 1.8 < two.shape[0] / one.shape[0] < 2.1


def test_the_picture_of_a_hit_is_an_image_of_its_frame_with_what_moves_in_colour(hit: Hit, tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        for given in (hit, Moment("1.0", hit.path, 0.0, 2.0, 0.1, np.zeros(16, np.float32))):
            picture = library.picture(given)
            assert (picture.size, picture.mode) == ((224, 224), "RGB")
            pixels = np.asarray(picture)
            assert pixels.max() > 150 > np.median(pixels)
        with pytest.raises(VideoError, match=r"gone\.mp4: cannot be read"):
            library.picture(Hit(tmp_path / "gone.mp4", 0.0, 2.0, 0.5, 0.1, "2.0", "2"))


def test_without_masks_in_the_encoder_motion_is_shown_all_the_same(hit: Hit) -> None:
    assert np.array_equal(draw_hits("red", [hit], None, 6), draw_hits("red", [hit], "subject", 6))


def test_a_file_that_is_gone_gets_an_empty_tile(hit: Hit, tmp_path: Path) -> None:
    gone = Hit(tmp_path / "gone.mp4", 0.0, 2.0, 0.4, 0.1, "1.0", "1")
    assert draw_hits("red", [hit, gone], "difference", 6).shape[1] > 6 * 224
    assert draw_answers([("red", [gone])], "difference", 6).shape[0] > 224


def test_a_question_without_hits_is_still_a_picture() -> None:
    assert draw_hits("red", [], "difference", 6).ndim == 3
    assert draw_answers([("red", [])], "difference", 6).ndim == 3


def test_tall_and_wide_hits_stand_in_one_row(hit: Hit, tmp_path: Path) -> None:
    from deltaclip.video import write_mp4

    write_mp4(tmp_path / "wide.mp4", np.full((6, 64, 160, 3), 90, np.uint8), 3)
    wide = Hit(tmp_path / "wide.mp4", 0.0, 2.0, 0.4, 0.1, "1.0", "1")
    assert draw_answers([("red", [hit, wide])], "difference", 6).shape[1] > 2 * 224 + 2 * 500
