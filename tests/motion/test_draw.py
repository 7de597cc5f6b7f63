"""Pictures for people: the moving part stands out, words fit, PNGs are in the right colours."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.errors import PictureError
from deltaclip.motion.draw import Tile, TileRow, ascii_text, encode_jpeg, encode_png, overlay, sheet, strip

GREY = np.full((64, 80, 3), 128, np.uint8)


def half() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros((64, 80), np.bool_)
    mask[:, :40] = True
    return mask


@pytest.mark.parametrize("level", [0, 128, 255])
def test_what_moves_is_brighter_than_the_rest_on_any_content(level: int) -> None:
    shown = overlay(np.full((64, 80, 3), level, np.uint8), half()).astype(int)
    assert shown[32, 20].sum() > shown[32, 60].sum() + 20


@pytest.mark.parametrize("level", [0, 128, 255])
def test_the_outline_shows_on_both_sides(level: int) -> None:
    shown = overlay(np.full((64, 80, 3), level, np.uint8), half()).astype(int)
    edge = shown[32, 36:44]
    for side in (shown[32, 20], shown[32, 60]):
        assert np.abs(edge - side).sum(axis=1).max() > 100


def test_the_frame_itself_is_left_alone() -> None:
    frame = GREY.copy()
    overlay(frame, half().astype(np.float32))
    assert (frame == 128).all()


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        overlay(GREY, np.ones((64, 81), np.bool_))


def test_a_strip_lays_tiles_side_by_side() -> None:
    tiles = (Tile(GREY), Tile(GREY))
    assert strip(tiles).shape == (64, 80 + 8 + 80, 3)
    assert strip((Tile(GREY, "0.0 s"), Tile(GREY))).shape[0] > 64


def test_a_sheet_fills_narrow_rows_with_white() -> None:
    picture = sheet([TileRow("wide", (Tile(GREY), Tile(GREY))), TileRow("narrow", (Tile(GREY),))])
    assert picture.shape[1] == 80 + 8 + 80 + 2 * 8
    assert (picture[-20, 120] == 255).all()


def test_tiles_of_unequal_height_are_refused() -> None:
    with pytest.raises(ValueError, match="one height"):
        TileRow("", (Tile(GREY), Tile(GREY[:32])))


def test_words_wider_than_the_picture_are_cut_and_not_drawn_beyond_it() -> None:
    assert strip((Tile(GREY, "a very long label " * 10),)).shape[1] == 80


@pytest.mark.parametrize(("text", "drawn"), [("café", "cafe"), ("a\tb", "a b"), ("熊", "?"), ("a–b", "a?b")])
def test_words_beyond_ascii_are_drawn_as_near_as_the_font_can(text: str, drawn: str) -> None:
    assert ascii_text(text) == drawn


@given(st.text())
def test_any_words_make_a_line_of_printable_ascii(text: str) -> None:
    assert all(" " <= char <= "~" for char in ascii_text(text))


def test_a_png_reads_back_with_red_as_red() -> None:
    red = np.zeros((4, 5, 3), np.uint8)
    red[..., 0] = 255
    read = cv2.imdecode(np.frombuffer(encode_png(red), np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    assert read[0, 0].tolist() == [0, 0, 255]  # OpenCV reads blue first


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="not empty"):
        encode_png(np.zeros((0, 5, 3), np.uint8))


@pytest.mark.parametrize(("size", "shown"), [((4, 640), (4, 16)), ((640, 4), (16, 4)), ((4, 16), (4, 16))])
def test_a_picture_of_extreme_shape_is_shrunk_into_a_tile(size: tuple[int, int], shown: tuple[int, int]) -> None:
    tile = Tile(np.full((*size, 3), 250, np.uint8))
    assert tile.picture.shape == (*shown, 3)
    assert tile.picture[(shown[0] - 1) // 2, (shown[1] - 1) // 2].tolist() == [250, 250, 250]


def test_a_picture_that_its_format_does_not_hold_is_an_error_and_never_a_flag() -> None:
    wide = np.zeros((1, 65_501, 3), np.uint8)
    assert encode_jpeg(wide[:, :65_500], 80)[:2] == b"\xff\xd8"
    with pytest.raises(PictureError, match=r"picture of 65501 x 1 pixels: does not fit into a \.jpg file"):
        encode_jpeg(wide, 80)
    assert encode_png(wide)[1:4] == b"PNG"


@pytest.mark.parametrize("answer", [(False, ()), None])
def test_what_the_encoder_refuses_for_a_reason_of_its_own_is_an_error(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[bool, tuple[()]] | None
) -> None:
    def imencode(*_: object) -> tuple[bool, tuple[()]]:
        if answer is None:
            raise cv2.error("no memory")
        return answer

    monkeypatch.setattr(cv2, "imencode", imencode)
    with pytest.raises(PictureError, match="does not fit"):
        encode_png(np.zeros((2, 2, 3), np.uint8))
