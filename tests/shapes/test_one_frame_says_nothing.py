"""The claim the world stands on: which thing moves cannot be seen in one frame, and can be seen with the true mask."""

import numpy as np
from numpy.typing import NDArray

from deltaclip.shapes import ShapesSpec, make_twins

SPEC = ShapesSpec()
FRAME = 31
PATCH = 12


def looks(group: int, with_motion: bool) -> tuple[NDArray[np.float64], int]:
    """Features of the three things in one frame, (3, F), and which of them moves.

    Where it is, how far from the middle and from the others, and the picture around it; with the mask also how much
    of it the true motion covers.
    """
    twins = make_twins(77, SPEC, group)
    clip = twins[group % 3]
    shot = clip.shots[0]
    picture = clip.frames([FRAME])[0] / 255
    mask = clip.true_motion([FRAME])[0]
    places = [track.place(FRAME, moving=n == shot.mover) for n, track in enumerate(shot.tracks)]
    rows = []
    for place, track in zip(places, shot.tracks, strict=True):
        near = sorted(float(np.hypot(*(place - other))) for other in places)[1:]
        x, y = (place * SPEC.size / 224).astype(int)
        padded = np.pad(picture, ((PATCH, PATCH), (PATCH, PATCH), (0, 0)), mode="edge")
        patch = padded[y : y + 2 * PATCH : 3, x : x + 2 * PATCH : 3].ravel()
        covered = np.pad(mask, PATCH)[y : y + 2 * PATCH, x : x + 2 * PATCH].mean() if with_motion else 0.0
        middle = (place - 112) / 112
        rows.append(
            [*middle, *middle**2, np.hypot(*middle), *np.array(near) / 224, track.radius / 24, covered * 4, *patch]
        )
    assert shot.mover is not None
    return np.array(rows), shot.mover


def accuracy(with_motion: bool, groups: int = 900) -> float:
    """Percent of unseen clips whose mover a softmax over the things' linear scores finds."""
    features, truth = zip(*(looks(group, with_motion) for group in range(groups)), strict=True)
    x, y = np.stack(features), np.array(truth)
    half = groups * 2 // 3
    x = (x - x[:half].mean((0, 1))) / (x[:half].std((0, 1)) + 1e-9)
    weights = np.zeros(x.shape[-1])
    for _ in range(300):
        scores = x[:half] @ weights
        share = np.exp(scores - scores.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        share[np.arange(half), y[:half]] -= 1
        weights -= 0.3 * (np.einsum("gt,gtf->f", share, x[:half]) / half + 0.01 * weights)
    return float(np.mean((x[half:] @ weights).argmax(1) == y[half:]) * 100)


def test_a_classifier_of_single_frames_stays_at_chance() -> None:
    # Chance is 33.3; 300 unseen clips have a standard error of 2.7.
    assert accuracy(with_motion=False) < 42


def test_the_same_classifier_finds_the_mover_when_given_the_true_motion() -> None:
    assert accuracy(with_motion=True) > 90
