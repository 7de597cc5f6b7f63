"""Token pruning: which patches of a frame are kept, and what the image encoder makes of them."""

from pathlib import Path

import pytest
import torch

from deltaclip.channels import ALPHA, CHANNELS
from deltaclip.model import image_features, kept_patches, load_checkpoint, normalised
from deltaclip.model.pruning import number_kept
from tests.helpers import small_checkpoint

SIDE, PATCH = 32, 8
GRID = SIDE // PATCH


def frames(count: int = 4, alpha: int = 0) -> torch.Tensor:
    """Noise, with the same alpha everywhere."""
    made = torch.randint(0, 256, (count, len(CHANNELS), SIDE, SIDE), dtype=torch.uint8)
    made[:, ALPHA] = alpha
    return made


def moving(made: torch.Tensor, frame: int, row: int, column: int, alpha: int = 255) -> torch.Tensor:
    """The same frames, of which one moves in one patch."""
    made[frame, ALPHA, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH] = alpha
    return made


@pytest.mark.parametrize(("keep", "kept"), [(1.0, 16), (0.5, 8), (0.3, 5), (0.01, 1)])
def test_every_frame_keeps_as_many_patches_each_once_and_in_order(keep: float, kept: int) -> None:
    assert number_kept(GRID**2, keep) == kept
    found = kept_patches(frames(5), [2, 3], PATCH, keep)
    assert found.shape == (5, kept)
    assert bool((found.diff(dim=1) > 0).all())
    assert found.min() >= 0
    assert found.max() < GRID**2


def test_patches_that_move_are_kept_in_the_frame_in_which_they_move() -> None:
    made = frames(3)
    for row, column in ((0, 0), (3, 3), (1, 2)):
        moving(made, 1, row, column, alpha=40)
    [_, found, _] = kept_patches(made, [3], PATCH, 0.4).tolist()
    assert {0, 15, 6} <= set(found)


def test_those_with_the_most_alpha_are_kept_if_more_move_than_there_is_room_for() -> None:
    made = frames(1, alpha=100)
    for number in range(4):
        moving(made, 0, number, number, alpha=200 + number)
    [found] = kept_patches(made, [1], PATCH, 0.25).tolist()
    assert {10, 15} <= set(found)  # half of the four; the others are spread


def test_without_motion_they_are_spread_and_all_patches_are_seen_over_a_clip() -> None:
    found = kept_patches(frames(12, alpha=255), [12], PATCH, 0.25)
    assert set(found.flatten().tolist()) == set(range(GRID**2))
    rows, columns = found // GRID, found % GRID
    for each in (rows, columns):  # four patches, never in fewer than two rows and two columns
        assert min(len(set(line.tolist())) for line in each) >= 2
    assert torch.equal(kept_patches(frames(24), [12, 12], PATCH, 0.25), torch.cat([found, found]))


def test_all_patches_give_what_the_whole_model_gives_and_fewer_something_else(tmp_path: Path) -> None:
    model = load_checkpoint(small_checkpoint(tmp_path / "small")).model
    made = frames()
    whole = image_features(model, normalised(made))
    every = kept_patches(made, [4], PATCH, 1.0)
    torch.testing.assert_close(image_features(model, normalised(made), every), whole)
    some = kept_patches(made, [4], PATCH, 0.5)
    assert not torch.allclose(image_features(model, normalised(made), some), whole, atol=1e-3)


def test_what_is_not_kept_does_not_count(tmp_path: Path) -> None:
    model = load_checkpoint(small_checkpoint(tmp_path / "small")).model
    made = moving(frames(1), 0, 2, 2)
    kept = kept_patches(made, [1], PATCH, 0.3)
    out = next(patch for patch in range(GRID**2) if patch not in kept[0].tolist())
    other = made.clone()
    row, column = divmod(out, GRID)
    other[:, :ALPHA, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH] ^= 255
    found = [image_features(model, normalised(each), kept) for each in (made, other)]
    assert torch.equal(*found)
