"""The claim the world stands on: which thing moves cannot be seen in one frame, and can be seen with the true mask."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.shapes import ShapesSpec, make_twins

SPEC = ShapesSpec()
FRAME = 31
PATCH = 12


def looks(group: int) -> tuple[NDArray[np.float64], int]:
    """Features of the three things in one frame, (3, F), and which of them moves.

    Column 0: how much of it the true motion covers. The others: where it is, how far from the middle and from the
    others, and the picture around it.
    """
    twins = make_twins(77, SPEC, group)
    clip = twins[group % 3]
    shot = clip.shots[0]
    picture = clip.frames([FRAME])[0] / 255
    mask = clip.true_motion([FRAME])[0]
    places = [track.place(FRAME, moving=n == shot.mover) for n, track in enumerate(shot.paths)]
    rows = []
    for place, track in zip(places, shot.paths, strict=True):
        near = sorted(float(np.hypot(*(place - other))) for other in places)[1:]
        x, y = (place * SPEC.size / 224).astype(int)
        padded = np.pad(picture, ((PATCH, PATCH), (PATCH, PATCH), (0, 0)), mode="edge")
        patch = padded[y : y + 2 * PATCH : 3, x : x + 2 * PATCH : 3].ravel()
        covered = np.pad(mask, PATCH)[y : y + 2 * PATCH, x : x + 2 * PATCH].mean()
        middle = (place - 112) / 112
        distances = [np.hypot(*middle), *np.array(near) / 224, track.radius / 24]
        rows.append([covered * 4, *middle, *middle**2, *distances, *patch])
    assert shot.mover is not None
    return np.array(rows), shot.mover


@pytest.fixture(scope="module")
def clips() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features (G, 3, F) and the mover's number (G,) of 900 clips."""
    features, truth = zip(*(looks(group) for group in range(900)), strict=True)
    return np.stack(features), np.array(truth)


def accuracy(x: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Percent of the last third of clips whose mover a softmax over linear scores finds, fitted on the others."""
    half = len(y) * 2 // 3
    x = (x - x[:half].mean((0, 1))) / (x[:half].std((0, 1)) + 1e-9)
    weights = np.zeros(x.shape[-1])
    for _ in range(300):
        scores = x[:half] @ weights
        share = np.exp(scores - scores.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        share[np.arange(half), y[:half]] -= 1
        weights -= 0.3 * (np.einsum("gt,gtf->f", share, x[:half]) / half + 0.01 * weights)
    return float(np.mean((x[half:] @ weights).argmax(1) == y[half:]) * 100)


def test_a_classifier_of_single_frames_stays_at_chance(
    clips: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    # Chance is 33.3; 300 unseen clips have a standard error of 2.7.
    assert accuracy(clips[0][..., 1:], clips[1]) < 42


def test_the_same_classifier_finds_the_mover_when_given_the_true_motion(
    clips: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    assert accuracy(*clips) > 90
