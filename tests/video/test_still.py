"""Photos: all tiles together, upright and unmirrored, against Pillow."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from deltaclip.errors import VideoError
from deltaclip.video import Video
from deltaclip.video.still import check_whole
from tests.video.clips import write_numbered
from tests.video.stills import write_tiled_avif


def drawn(height: int, width: int) -> NDArray[np.uint8]:
    """A picture without any symmetry: two gradients and a dark corner."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 90)], -1).astype(np.uint8)
    picture[: height // 3, : width // 4] = 0
    return picture


def shown(path: Path, short_side: int) -> NDArray[np.int64]:
    with Video.open(path) as video:
        return np.asarray(video.frames_at([0.0], short_side).rgb[0], np.int64)


def test_all_tiles_of_a_photo_are_put_together(tmp_path: Path) -> None:
    picture = drawn(192, 256)
    path = write_tiled_avif(tmp_path / "photo.avif", picture, rows=2, columns=2)
    with Video.open(path) as video:
        assert (video.info.width, video.info.height, video.info.num_frames) == (256, 192, 1)
    assert np.abs(shown(path, 192) - picture).mean() < 4


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_every_orientation_of_exif_is_applied(tmp_path: Path, suffix: str, tag: int) -> None:
    path = tmp_path / f"phone.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = tag
    Image.fromarray(drawn(64, 96)).save(path, exif=exif)
    with Image.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB")).astype(np.int64)
    got = shown(path, 64)
    assert got.shape == expected.shape
    assert np.abs(got - expected).mean() < 4


@pytest.mark.parametrize("tag", range(1, 9))
def test_every_turn_and_mirror_of_avif_is_applied(tmp_path: Path, tag: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    path = tmp_path / "phone.avif"
    Image.fromarray(drawn(64, 96)).save(path, exif=exif, quality=90)
    with Image.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB")).astype(np.int64)
    assert np.abs(shown(path, 64) - expected).mean() < 2


def test_further_pictures_behind_a_photo_are_no_frames(tmp_path: Path) -> None:
    # As phones add brightness or depth: without a word, half of all samples would be that map.
    photo, depth = Image.fromarray(drawn(64, 96)), Image.fromarray(np.full((32, 48, 3), 150, np.uint8))
    photo.save(tmp_path / "plain.jpg", quality=95)
    photo.save(tmp_path / "ultra.jpg", format="MPO", save_all=True, append_images=[depth], quality=95)
    with Video.open(tmp_path / "ultra.jpg") as video:
        assert video.info.num_frames == 1
    assert np.abs(shown(tmp_path / "ultra.jpg", 64) - shown(tmp_path / "plain.jpg", 64)).max() <= 1


@pytest.mark.parametrize("behind", [b"made by a phone, long ago", bytes(range(100)), b"film"])
def test_what_comes_behind_a_photo_does_not_matter(tmp_path: Path, behind: bytes) -> None:
    path = write_tiled_avif(tmp_path / "photo.avif", drawn(128, 128), rows=2, columns=2)
    if behind == b"film":
        behind = write_numbered(tmp_path / "film.mp4", range(3)).read_bytes()
    path.write_bytes(path.read_bytes() + behind)
    with Video.open(path) as video:
        assert (video.info.width, video.info.num_frames) == (128, 1)


@pytest.mark.parametrize("name", ["a.gif", "a.jpg"])
def test_a_picture_that_pillow_does_not_know_is_left_to_ffmpeg(tmp_path: Path, name: str) -> None:
    # Pillow was asked for MPO too, which is no format of its own there: KeyError.
    (tmp_path / name).write_bytes({"a.gif": b"GIF89a\1\0\1\0\0\0\0;", "a.jpg": b"\xff\xd8\xff\xe0\0\0"}[name])
    with pytest.raises(VideoError, match=r"no picture can be decoded|not a video|no pictures"):
        Video.open(tmp_path / name)


def test_a_jpeg_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)).save(tmp_path / "whole.jpg")
    path = tmp_path / "cut.jpg"
    path.write_bytes((tmp_path / "whole.jpg").read_bytes()[:2000])
    with pytest.raises(VideoError, match=r"cut.jpg: a JPEG that was cut off"):
        Video.open(path)


def test_a_gif_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 96), np.uint8)).save(tmp_path / "whole.gif")
    path = tmp_path / "cut.gif"
    path.write_bytes((tmp_path / "whole.gif").read_bytes()[:3000])
    with pytest.raises(VideoError, match=r"cut.gif: a GIF that was cut off"):
        Video.open(path)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_tiff_of_a_scanner_is_not_black(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "scan.tiff"
    Image.fromarray(drawn(64, 96)).convert(mode).save(path, compression="jpeg", quality=95)
    with Image.open(path) as picture:
        expected = np.asarray(picture.convert("RGB")).astype(np.int64)
    assert np.abs(shown(path, 64) - expected).mean() < 2


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp", "tiff", "jpg"])
def test_names_that_look_like_a_numbered_series_are_names(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "my%20photos"
    folder.mkdir()
    path = folder / f"dog%03d[1]*.{suffix}"
    Image.fromarray(drawn(64, 96)).save(path)
    assert np.abs(shown(path, 64) - drawn(64, 96)).mean() < 4


def test_an_animated_webp_is_called_what_it_is(tmp_path: Path) -> None:
    pictures = [Image.fromarray(np.full((32, 48, 3), grey, np.uint8)) for grey in (50, 200)]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:])
    with pytest.raises(VideoError, match=r"a.webp: an animated WebP"):
        Video.open(tmp_path / "a.webp")


def test_a_photo_that_was_cut_off_is_refused_although_its_decoder_shows_a_part(tmp_path: Path) -> None:
    path = write_tiled_avif(tmp_path / "photo.avif", drawn(128, 128), rows=2, columns=2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(VideoError, match=rf"cut off: {len(whole) - 200:,} of {len(whole):,} bytes"):
        Video.open(path)


def test_a_damaged_photo_says_so(tmp_path: Path) -> None:
    path = write_tiled_avif(tmp_path / "photo.avif", drawn(128, 128), rows=2, columns=2)
    whole = path.read_bytes()
    data = whole.index(b"mdat") + 4
    path.write_bytes(whole[:data] + b"\xff" * (len(whole) - data))
    with pytest.raises(VideoError, match=r"photo.avif: a damaged AVIF picture"):
        Video.open(path)


def test_a_photo_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = write_tiled_avif(tmp_path / "photo.heic", drawn(128, 128), rows=2, columns=2)
    path.write_bytes(path.read_bytes().replace(b"avif", b"heic").replace(b"av01", b"hvc1"))
    with pytest.raises(VideoError, match=r"photo.heic: a HEIF picture that is damaged or of a kind"):
        Video.open(path)


def test_a_gif_that_pillow_does_not_know_is_left_to_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "small.gif"
    path.write_bytes(b"GIF89a")
    check_whole(path, "GIF")
