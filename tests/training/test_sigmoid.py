"""The sigmoid loss of SigLIP: against numbers worked out by hand, transformers' own, and whole against in pieces."""

import math
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from deltaclip.model import DualEncoder, load_checkpoint
from deltaclip.training.dataset import Batch
from deltaclip.training.devices import ALONE, MixedPrecision
from deltaclip.training.loss import accumulate
from deltaclip.training.losses import limit_scale, pairwise_sigmoid
from deltaclip.training.start import split_alpha
from tests.siglip import CONTEXT, SIDE, siglip_folder, siglip_model

CPU = MixedPrecision(torch.device("cpu"))


def test_two_right_pairs_cost_what_the_formula_says() -> None:
    # Logits [[2 - 1, -1], [-1, 2 - 1]]: each row costs log(1 + e^-1) for its own video and as much for the other.
    rows = torch.eye(2)
    loss = pairwise_sigmoid(rows, rows, torch.tensor(math.log(2.0)), torch.tensor(-1.0))
    assert loss.item() == pytest.approx(2 * math.log(1 + math.exp(-1)))


def test_captions_of_one_video_are_not_asked_about_each_other() -> None:
    rows = torch.ones(3, 1)
    loss = pairwise_sigmoid(rows, rows, torch.tensor(0.0), torch.tensor(-1.0), torch.tensor([4, 4, 7]))
    # All logits are zero: row 0 and 1 have two videos to tell, row 2 has three.
    assert loss.item() == pytest.approx((2 + 2 + 3) * math.log(2) / 3)


@torch.no_grad()
def test_it_is_the_loss_of_transformers() -> None:
    model = siglip_model()
    pixels = torch.randn(5, 3, SIDE, SIDE, generator=torch.manual_seed(0))
    ids = torch.randint(5, 200, (5, CONTEXT), generator=torch.manual_seed(1))
    theirs = model(input_ids=ids, pixel_values=pixels, return_loss=True)
    texts, videos = (normalize(rows, dim=-1) for rows in (theirs.text_embeds, theirs.image_embeds))
    ours = pairwise_sigmoid(texts, videos, model.logit_scale, model.logit_bias)
    assert ours.item() == pytest.approx(theirs.loss.item(), rel=1e-6)


def batch_of(size: int) -> Batch:
    generator = torch.Generator().manual_seed(3)
    frames = torch.randint(0, 256, (size, 2, 4, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    ids = torch.randint(5, 200, (size, CONTEXT), generator=generator)
    return Batch(frames, ids, torch.arange(size), [f"video{i}" for i in range(size)], [""] * size)


def gradients(model: DualEncoder, chunk: int) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad(set_to_none=True)
    loss = accumulate(model, batch_of(6), chunk, CPU, ALONE)
    return loss.item(), {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


def test_the_gradient_of_a_batch_in_pieces_is_that_of_the_whole_bias_and_probe_too(tmp_path: Path) -> None:
    model = load_checkpoint(siglip_folder(tmp_path / "siglip")).model
    split_alpha(model)
    whole, expected = gradients(model, 6)
    parts, found = gradients(model, 2)
    assert parts == pytest.approx(whole)
    assert {"logit_scale", "logit_bias", "vision_model.head.probe"} <= found.keys() == expected.keys()
    assert expected.keys() == {name for name, _ in model.named_parameters()}
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)
    assert expected["logit_bias"].abs().item() > 0


def test_its_scale_may_be_above_a_hundred_and_that_of_clip_may_not(tmp_path: Path) -> None:
    model = load_checkpoint(siglip_folder(tmp_path / "siglip")).model
    with torch.no_grad():
        model.logit_scale.fill_(math.log(117.3))
    limit_scale(model)
    assert model.logit_scale.item() == pytest.approx(math.log(117.3))
