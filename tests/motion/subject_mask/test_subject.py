"""The whole of `subject` on drawn clips: what moves is found, and every reason not to trust a mask is given."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion import NEAR_SECONDS, subject
from deltaclip.motion.subject_mask.decision import CUT, NO_NEIGHBOUR, UNCERTAIN
from tests.motion.drawn import HEIGHT, WIDTH, panned, square_over_pan, texture

FAR = 1 / 3
"""Seconds to the neighbours in a clip compressed to 3 frames a second."""

Bytes = NDArray[np.uint8]
Sampled = tuple[Bytes, list[Bytes | None], list[Bytes | None]]


def sampled(frames: Bytes) -> Sampled:
    """Every third native frame from the second on, with the frames before and after it."""
    return frames[1:-1:3], list(frames[:-2:3]), list(frames[2::3])


def beside(frames: Bytes) -> Sampled:
    """Every frame but the first and the last, with the frames before and after it."""
    return frames[1:-1], list(frames[:-2]), list(frames[2:])


def pages(seed: int) -> Bytes:
    """(12, HEIGHT, WIDTH, 3): a heading and some lines of letters drawn at random, another page in each."""
    random = np.random.default_rng(seed)
    shown = []
    for _ in range(12):
        page = np.full((HEIGHT, WIDTH, 3), (200, 210, 190), np.uint8)
        for line in range(int(random.integers(3, 7))):
            words = "".join(random.choice(list("abcdefgh klmn "), random.integers(8, 22)))
            cv2.putText(page, words, (6, 16 + 16 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 60), 1, cv2.LINE_AA)
        shown.append(page)
    return np.stack(shown)


def slides(seed: int, ground: Bytes, ink: int) -> Bytes:
    """(8, HEIGHT, WIDTH, 3): a heading and three to five lines of other letters on the same ground in each."""
    random = np.random.default_rng(seed)
    shown = np.repeat(ground[None], 8, axis=0)
    for slide in shown:
        for line in range(int(random.integers(3, 6))):
            words = "".join(random.choice(list("abcdefgh klmn "), random.integers(8, 20)))
            at, size = (8, 18 + 20 * line), 0.7 if line == 0 else 0.5
            cv2.putText(slide, f"- {words}", at, cv2.FONT_HERSHEY_SIMPLEX, size, (ink,) * 3, 1, cv2.LINE_AA)
    return shown


def noisy(frames: Bytes, deviation: float) -> Bytes:
    noise = np.random.default_rng(0).normal(0, deviation, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def zoomed(picture: Bytes, scale: float) -> Bytes:
    turned = np.array([[scale, 0, (1 - scale) * WIDTH / 2], [0, scale, (1 - scale) * HEIGHT / 2]])
    return np.asarray(cv2.warpAffine(picture, turned, (WIDTH, HEIGHT)), np.uint8)


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize("pan", [0, 1, 3])
def test_a_square_that_goes_its_own_way_over_a_panned_texture_is_found(pan: int) -> None:
    frames, truth = square_over_pan(pan=pan, step=pan + 2)
    motion = subject(*sampled(frames))
    assert motion.fallback == (None,) * 6
    assert iou(motion.mask, truth[1:-1:3]) > 0.7


def test_alpha_is_soft_and_the_mask_is_where_it_is_above_a_half() -> None:
    motion = subject(*sampled(square_over_pan()[0]))
    assert ((motion.alpha > 0) & (motion.alpha < 1)).any()
    assert (motion.mask == (motion.alpha > 0.5)).all()
    assert ((motion.confidence > 0.2) & (motion.confidence <= 1)).all()


@pytest.mark.parametrize("deviation", [0, 6])
@pytest.mark.parametrize("pan", [0, 2])
def test_a_world_that_only_the_camera_moves_falls_back_in_every_frame(pan: int, deviation: float) -> None:
    motion = subject(*sampled(noisy(panned(texture(7), 18, pan), deviation)))
    assert None not in motion.fallback
    assert motion.alpha.all()
    assert motion.confidence.tolist() == [0.0] * 6


@pytest.mark.parametrize("growth", [0.004, 0.008])
def test_a_fence_whose_bars_flow_confuses_is_no_subject(growth: float) -> None:
    ground = texture(7)[:, :WIDTH]
    ground[5:60, 100:-3] = 120
    ground[5:60, 100:-3:4] = 230
    frames = np.stack([zoomed(ground, 1 + growth * time) for time in range(18)])
    assert None not in subject(*sampled(noisy(frames, 2))).fallback


def test_a_flat_picture_is_static() -> None:
    grey = np.full((18, HEIGHT, WIDTH, 3), 128, np.uint8)
    assert subject(*sampled(grey)).fallback == ("static",) * 6


def test_a_frame_with_one_neighbour_uses_that_one() -> None:
    rgb, before, after = sampled(square_over_pan()[0])
    both = subject(rgb, before, after)
    one = subject(rgb, [None, *before[1:]], [*after[:-1], None])
    assert one.fallback == (None,) * 6
    assert iou(one.mask, both.mask) > 0.8


def test_a_clip_that_shows_every_frame_twice_is_not_static() -> None:
    rgb, before, after = sampled(square_over_pan()[0])
    once = subject(rgb, before, after)
    twice = subject(rgb, list(rgb), after)
    assert twice.fallback == (None,) * 6
    assert iou(twice.mask, once.mask) > 0.7


def test_a_neighbour_of_another_shot_is_left_aside() -> None:
    rgb, before, after = sampled(square_over_pan()[0])
    other = texture(9)[:, :WIDTH] // 4
    cut = subject(rgb, [*before[:2], other, *before[3:]], after)
    missing = subject(rgb, [*before[:2], None, *before[3:]], after)
    assert cut.fallback == (None,) * 6
    assert (cut.alpha == missing.alpha).all()


def test_a_frame_between_two_cuts_falls_back_and_says_so() -> None:
    rgb, before, after = sampled(square_over_pan()[0])
    other = texture(9)[:, :WIDTH] // 4
    motion = subject(rgb, [*before[:2], other, *before[3:]], [*after[:2], other, *after[3:]])
    assert motion.fallback == (None, None, CUT, None, None, None)
    assert motion.alpha[2].all()


def test_frames_without_any_neighbour_fall_back_and_say_so() -> None:
    rgb, *_ = sampled(square_over_pan()[0])
    assert subject(rgb, [None] * 6, [None] * 6).fallback == (NO_NEIGHBOUR,) * 6


@pytest.mark.parametrize("pan", [0, 4])
def test_a_square_is_found_although_its_neighbours_are_far_away(pan: int) -> None:
    frames, truth = square_over_pan(num_frames=12, pan=pan, step=pan + 5, side=30)
    motion = subject(*beside(frames), FAR)
    assert motion.fallback == (None,) * 10
    assert iou(motion.mask, truth[1:-1]) > 0.6


@pytest.mark.parametrize("step_seconds", [NEAR_SECONDS, FAR])
def test_neighbours_that_flow_leads_to_and_back_from_are_taken_for_no_cut(step_seconds: float) -> None:
    frames = panned(texture(3, width=4 * WIDTH), 6, step=2).copy()
    for number, frame in enumerate(frames):  # a curtain of the right half: dark, grey, bright in turn
        frame[:, WIDTH // 2 :] = texture(30 + number)[:, : WIDTH // 2] // 4 + 60 * (number % 3)
    assert CUT not in subject(*beside(frames), step_seconds).fallback


@pytest.mark.parametrize("step_seconds", [NEAR_SECONDS, FAR])
def test_unrelated_pictures_one_after_the_other_fall_back_however_far_apart(step_seconds: float) -> None:
    shown = np.stack([texture(20 + number)[:, :WIDTH] // (1 + number % 3) for number in range(12)])
    assert None not in subject(*beside(shown), step_seconds).fallback


@pytest.mark.parametrize("seed", range(4))
def test_pages_of_other_words_in_one_layout_are_no_moving_subject(seed: int) -> None:
    assert subject(*beside(pages(seed)), FAR).fallback == (UNCERTAIN,) * 10


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("top", "bottom", "ink"), [(250, 250, 20), (25, 25, 240), (160, 250, 0)])
def test_slides_of_text_are_no_moving_subject(seed: int, top: int, bottom: int, ink: int) -> None:
    levels = np.linspace(top, bottom, HEIGHT).astype(np.uint8)
    frames = slides(seed, np.broadcast_to(levels[:, None, None], (HEIGHT, WIDTH, 3)), ink)
    assert None not in subject(*beside(frames), 1.0).fallback


def test_a_square_over_a_plain_ground_is_found_although_its_neighbours_are_far_away() -> None:
    frames, truth = square_over_pan(num_frames=12, pan=0, step=6, side=30)
    frames[~truth] = 230
    motion = subject(*beside(frames), FAR)
    assert motion.fallback == (None,) * 10
    assert iou(motion.mask, truth[1:-1]) > 0.6


@pytest.mark.parametrize("step", [0, 6])
def test_a_world_that_only_the_camera_moves_far_falls_back(step: int) -> None:
    frames = noisy(panned(texture(7, width=4 * WIDTH), 12, step), 2)
    assert None not in subject(*beside(frames), FAR).fallback


def test_the_mask_is_what_was_measured_even_where_it_is_not_used() -> None:
    motion = subject(*sampled(np.full((3, HEIGHT, WIDTH, 3), 128, np.uint8)))
    assert not motion.mask.any()
    assert motion.coverage.tolist() == [0.0]


def test_the_same_input_gives_the_same_bits_wherever_it_lies_in_memory() -> None:
    clip = sampled(square_over_pan()[0])
    first = subject(*clip).alpha.tobytes()
    for size in (1, 333, 4096, 10_001):
        held = np.zeros(size, np.float32)  # moves what is allocated next: OpenCV's magnitude was found to care
        assert subject(*clip).alpha.tobytes() == first
        del held


@pytest.mark.parametrize("size", [(224, 398), (398, 224), (16, 16), (40, 400)])
def test_any_size_gets_masks_of_that_size(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
    assert subject(frames[1:2], frames[:1], frames[2:]).mask.shape == (1, *size)


def test_neighbours_that_do_not_match_the_frames_are_refused() -> None:
    rgb, before, after = sampled(square_over_pan()[0])
    with pytest.raises(ValueError, match="before must hold one neighbour or None for each of 6"):
        subject(rgb, before[:3], after)
    with pytest.raises(ValueError, match="after must hold"):
        subject(rgb, before, [frame[..., 0] if frame is not None else None for frame in after])
