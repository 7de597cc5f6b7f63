"""Frame and mask through one geometry, whatever size the model takes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion import MotionSpec
from deltaclip.reader import ReaderSpec, fit_to_model, join_channels, measure_alpha

DIFFERENCE = MotionSpec("difference")


def wide_frames() -> NDArray[np.uint8]:
    """Two frames of 224 x 400 in which a block left of the middle jumps."""
    frames = np.full((2, 224, 400, 3), 30, np.uint8)
    frames[0, 100:140, 120:160] = 200
    frames[1, 100:140, 180:220] = 200
    return frames


def test_frame_and_mask_are_cropped_alike() -> None:
    pixels, alpha, motion = fit_to_model(wide_frames(), ReaderSpec(image_size=224, num_frames=2, motion=DIFFERENCE))
    assert motion is not None
    # The block of frame 1 stands at 180 of 400; the crop begins at 88.
    assert pixels[1, 120, 180 - 88 + 20].min() == 200
    assert alpha[1, 120, 180 - 88 + 20] == 1
    assert motion.mask[1, 120, 200]


def test_a_smaller_model_gets_the_same_mask_scaled_down_with_the_picture() -> None:
    _, large, _ = fit_to_model(wide_frames(), ReaderSpec(image_size=224, num_frames=2, motion=DIFFERENCE))
    pixels, small, _ = fit_to_model(wide_frames(), ReaderSpec(image_size=56, num_frames=2, motion=DIFFERENCE))
    assert pixels.shape == (2, 56, 56, 3)
    expected = np.stack([cv2.resize(frame, (56, 56), interpolation=cv2.INTER_AREA) for frame in large])
    assert np.abs(small - expected).max() < 1e-6


def test_a_larger_model_gets_motion_measured_at_the_same_size() -> None:
    frames = np.stack([cv2.resize(frame, (600, 336), interpolation=cv2.INTER_CUBIC) for frame in wide_frames()])
    spec = ReaderSpec(image_size=336, num_frames=2, motion=DIFFERENCE)
    pixels, alpha, motion = fit_to_model(frames, spec)
    assert spec.decode_side == 336
    assert pixels.shape == (2, 336, 336, 3)
    assert motion is not None
    assert motion.mask.shape == (2, 224, 400)
    assert alpha.shape == (2, 336, 336)


def test_without_a_motion_alpha_is_all_ones_and_none_is_measured() -> None:
    _, alpha, motion = fit_to_model(wide_frames(), ReaderSpec(image_size=224, num_frames=2, motion=None))
    assert motion is None
    assert (alpha == 1).all()


def test_a_larger_model_gets_neighbours_at_the_size_of_motion() -> None:
    frames = np.stack([cv2.resize(frame, (600, 336), interpolation=cv2.INTER_CUBIC) for frame in wide_frames()])
    spec = ReaderSpec(image_size=336, num_frames=2, motion=MotionSpec("subject"))
    _, alpha, motion = fit_to_model(frames, spec, (None, frames[0]), (frames[1], None))
    assert motion is not None
    assert motion.mask.shape == (2, 224, 400)
    assert alpha.shape == (2, 336, 336)


def test_alpha_of_frames_alone_is_what_the_model_is_given() -> None:
    rgb = wide_frames()
    alpha = measure_alpha(rgb, DIFFERENCE)
    _, cropped, _ = fit_to_model(rgb, ReaderSpec(224, 2, DIFFERENCE))
    assert alpha.shape == (2, 224, 400)
    assert np.array_equal(alpha[:, :, 88:312], cropped)
    assert measure_alpha(rgb[:, ::7, ::7], MotionSpec("centre")).shape == (2, 32, 58)


def test_a_clip_holds_the_pixels_as_they_are_and_alpha_rounded_to_bytes() -> None:
    pixels = np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3)
    alpha = np.array([[[0, 1], [0.5, 0.2]], [[1 / 255, 0.999], [0.4 / 255, 0.6 / 255]]], np.float32)
    frames = join_channels(pixels, alpha)
    assert frames.dtype == np.uint8
    assert frames[:, :3].transpose(0, 2, 3, 1).tolist() == pixels.tolist()
    assert frames[:, 3].tolist() == [[[0, 255], [128, 51]], [[1, 255], [0, 1]]]
