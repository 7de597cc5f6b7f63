"""The patch embedding: a product that gives what the convolution of its weight gives, and that no convolution makes."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import CLIPModel

from deltaclip.model import image_features
from deltaclip.model.patches import PatchEmbedding
from deltaclip.training.start import plain_weights, split_alpha

from .conftest import pictures, plainly_loaded

PATCH_SIZES = (8, 14, 16, 32)
"""Those of the CLIPs that there are: the bundled one, L/14, B/16, B/32."""


class NoConvolution(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Raises as soon as any operation with a convolution in its name reaches a device, under autograd too."""

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if "conv" in str(func).replace("convert", ""):
            raise AssertionError(f"{func} ran")
        return func(*args, **(kwargs or {}))


def embedding(channels: int, patch_size: int) -> tuple[PatchEmbedding, Tensor]:
    """One with random weights, and pictures of 4 by 3 patches."""
    generator = torch.Generator().manual_seed(channels * patch_size)
    made = PatchEmbedding(channels, 96, patch_size)
    with torch.no_grad():
        made.weight.normal_(0.0, 0.02, generator=generator)
    return made, torch.randn(2, channels, 4 * patch_size, 3 * patch_size, generator=generator)


@pytest.mark.parametrize("patch_size", PATCH_SIZES)
@pytest.mark.parametrize("channels", range(3, 9))
@torch.no_grad()
def test_the_product_is_the_convolution_of_the_same_weight(channels: int, patch_size: int) -> None:
    made, images = embedding(channels, patch_size)
    # In float64 a convolution goes through another program than in float32 and bfloat16.
    exact = conv2d(images.double(), made.weight.double(), stride=patch_size)
    torch.testing.assert_close(made(images).double(), exact, atol=1e-5, rtol=0)


@pytest.mark.parametrize("patch_size", PATCH_SIZES)
@pytest.mark.parametrize("channels", range(3, 9))
@torch.no_grad()
def test_in_bf16_the_product_rounds_and_no_more(channels: int, patch_size: int, processor: str) -> None:
    made, images = embedding(channels, patch_size)
    exact = conv2d(images.double(), made.weight.double(), stride=patch_size)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = made(images)
    assert rounded.dtype == torch.bfloat16
    error = (rounded.double() - exact).norm() / exact.norm()
    assert error < 0.01, f"relative error {error:.3f} on {processor}"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_convolution_runs_in_inference_and_in_training(model: CLIPModel, precision: str) -> None:
    with NoConvolution(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):  # type: ignore[no-untyped-call]
        with torch.inference_mode():
            image_features(model, pictures())
        image_features(model, pictures()).sum().backward()  # type: ignore[no-untyped-call]
        split_alpha(model)
        image_features(model, pictures()).sum().backward()  # type: ignore[no-untyped-call]


def test_the_guard_against_convolutions_knows_one(folder: Any) -> None:
    plain = plainly_loaded(folder)
    with NoConvolution(), torch.inference_mode(), pytest.raises(AssertionError, match="conv2d"):  # type: ignore[no-untyped-call]
        image_features(plain, pictures())


@pytest.mark.parametrize("change", [copy.deepcopy, lambda model: model])
def test_gradients_are_those_of_a_convolution(
    folder: Any, model: CLIPModel, change: Callable[[CLIPModel], CLIPModel]
) -> None:
    plain, ours = plainly_loaded(folder), change(model)
    for each in (plain, ours):
        image_features(each, pictures()).square().sum().backward()  # type: ignore[no-untyped-call]
    expected = {name: weight.grad for name, weight in plain.vision_model.named_parameters()}
    found = {name: weight.grad for name, weight in ours.vision_model.named_parameters()}
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-4, rtol=1e-4)


def test_split_for_training_it_gives_the_same_and_its_weight_comes_back_whole(model: CLIPModel) -> None:
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.no_grad():
        expected = image_features(model, pictures())
        split_alpha(model)
        assert torch.equal(image_features(copy.deepcopy(model), pictures()), expected)
    after = plain_weights(model.state_dict())
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize(("height", "width"), [(50, 50), (42, 55), (27, 14)])
@torch.no_grad()
def test_what_is_beyond_the_last_whole_patch_is_left_out_as_a_convolution_does(height: int, width: int) -> None:
    made, _ = embedding(4, 14)
    images = torch.randn(2, 4, height, width, generator=torch.Generator().manual_seed(0))
    exact = conv2d(images.double(), made.weight.double(), stride=14)
    torch.testing.assert_close(made(images).double(), exact, atol=1e-5, rtol=0)
