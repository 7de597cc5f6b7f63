"""Gradient caching: pieces, recomputed layers and dropout change nothing about the gradient of the whole batch."""

import pytest
import torch

from deltaclip.model import DualEncoder
from deltaclip.training.computing import graph_bytes, needed_bytes
from deltaclip.training.dataset import Batch
from deltaclip.training.devices import ALONE, MixedPrecision
from deltaclip.training.loss import accumulate, text_vectors, video_vectors
from deltaclip.training.losses import symmetric_cross_entropy
from deltaclip.training.start import recompute_layers, split_alpha, start_model
from tests.training.tiny import tiny_data, tiny_recipe

CPU = MixedPrecision(torch.device("cpu"))


def tiny_model(dropout: float = 0.0) -> DualEncoder:
    model = start_model(tiny_recipe(), tiny_data()).model
    for module in model.modules():
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            setattr(module, "dropout", dropout)  # noqa: B010  # mypy takes any attribute of a module for a module
    split_alpha(model)
    model.train()
    return model


def random_batch(size: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (size, 2, 4, 32, 32), dtype=torch.uint8, generator=generator)
    ids = torch.randint(2, 12, (size, 8), generator=generator)
    ids[:, 0], ids[:, -1] = 14, 15
    videos = torch.arange(size) // 2  # pairs of captions of one video
    return Batch(frames, ids, videos, [f"video{i // 2}" for i in range(size)], ["text"] * size)


def gradients(
    model: DualEncoder, batch: Batch, chunk: int, cached: bool = True
) -> tuple[float, dict[str, torch.Tensor]]:
    torch.manual_seed(7)
    model.zero_grad(set_to_none=True)
    loss = accumulate(model, batch, chunk, CPU, ALONE, cached=cached)
    return loss.item(), {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("chunk", [1, 3, 4, 7])
def test_pieces_give_the_gradient_of_the_whole_batch(chunk: int) -> None:
    model, batch = tiny_model(), random_batch(8)
    loss, whole = gradients(model, batch, 8)
    loss_in_pieces, pieces = gradients(model, batch, chunk)
    assert loss_in_pieces == pytest.approx(loss, abs=1e-6)
    assert whole.keys() == pieces.keys() == dict(model.named_parameters()).keys()
    for name in whole:  # they reach 12, whose last digit in float32 is 1e-6
        torch.testing.assert_close(pieces[name], whole[name], atol=5e-6, rtol=1e-4)


@pytest.mark.parametrize(("chunk", "dropout"), [(1, 0.0), (3, 0.0), (3, 0.3), (8, 0.3)])
def test_holding_the_graphs_of_all_pieces_gives_what_caching_gives(chunk: int, dropout: float) -> None:
    model, batch = tiny_model(dropout), random_batch(8)
    loss, held = gradients(model, batch, chunk, cached=False)
    loss_cached, cached = gradients(model, batch, chunk)
    assert loss == pytest.approx(loss_cached, abs=1e-5)
    for name in cached:
        torch.testing.assert_close(held[name], cached[name], atol=5e-6, rtol=1e-4)


def test_the_graph_of_a_batch_is_measured_and_grows_with_its_pairs() -> None:
    model = tiny_model()
    one, two, four = (graph_of(model, random_batch(size)) for size in (1, 2, 4))
    assert two > one
    assert four == pytest.approx(one + 3 * (two - one), rel=0.02)
    weights = sum(weight.nbytes for weight in model.parameters())
    assert needed_bytes(model, one, two, 8, averaged=False) > 4 * weights + one + 7 * (two - one)


def graph_of(model: DualEncoder, batch: Batch) -> int:
    return graph_bytes(model, lambda: (text_vectors(model, batch.ids, CPU), video_vectors(model, batch.frames, CPU)))


def test_the_gradient_is_that_of_plain_back_propagation() -> None:
    model, batch = tiny_model(), random_batch(6)
    _, ours = gradients(model, batch, 2)
    model.zero_grad(set_to_none=True)
    texts, videos = text_vectors(model, batch.ids, CPU), video_vectors(model, batch.frames, CPU)
    symmetric_cross_entropy(texts, videos, model.logit_scale, batch.alike).backward()  # type: ignore[no-untyped-call]
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        torch.testing.assert_close(ours[name], weight.grad, atol=1e-6, rtol=1e-4)


def test_dropout_drops_the_same_in_both_passes() -> None:
    # Piece by piece with a graph from the start, as no cache would do it, but with the random numbers of the pieces.
    model, batch = tiny_model(dropout=0.3), random_batch(4)
    _, first = gradients(model, batch, 2)
    _, second = gradients(model, batch, 2)
    assert all(torch.equal(first[name], second[name]) for name in first)
    torch.manual_seed(7)
    loss = accumulate(model, batch, 2, CPU, ALONE)
    after_cached = torch.rand(1)
    torch.manual_seed(7)
    with torch.no_grad():
        made = [
            (text_vectors(model, part.ids, CPU), video_vectors(model, part.frames, CPU)) for part in batch.pieces(2)
        ]
        texts, videos = (torch.cat([each[side] for each in made]) for side in (0, 1))
        expected = symmetric_cross_entropy(texts, videos, model.logit_scale, batch.alike)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    assert torch.equal(after_cached, torch.rand(1))


def test_recomputed_layers_give_the_same_gradient() -> None:
    model, batch = tiny_model(), random_batch(4)
    _, plain = gradients(model, batch, 2)
    recompute_layers(model)
    _, recomputed = gradients(model, batch, 2)
    for name in plain:
        torch.testing.assert_close(recomputed[name], plain[name], atol=1e-6, rtol=1e-4)


def test_bfloat16_products_leave_float32_gradients_near_the_exact_ones() -> None:
    model, batch = tiny_model(), random_batch(8)
    _, exact = gradients(model, batch, 8)
    model.zero_grad(set_to_none=True)
    accumulate(model, batch, 4, MixedPrecision(torch.device("cpu"), torch.bfloat16), ALONE)
    rough = {name: weight.grad for name, weight in model.named_parameters()}
    whole, near = (torch.cat([each[name].flatten() for name in exact]) for each in (exact, rough))  # type: ignore[union-attr]
    assert near.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(whole, near, dim=0) > 0.99


def test_captions_of_one_video_are_negatives_where_the_recipe_says_so() -> None:
    model, batch = tiny_model(), random_batch(4)
    masked = accumulate(model, batch, 4, CPU, ALONE)
    plain = accumulate(model, batch, 4, CPU, ALONE, same_video_masked=False)
    assert plain > masked
