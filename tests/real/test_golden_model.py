"""Our converted models against the original programs: openai/CLIP, Alpha-CLIP and CLIP4Clip, in all their outputs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from deltaclip.model import (
    DualEncoder,
    convert,
    image_features,
    load_checkpoint,
    mean_pool,
    model_spec,
    pool_frames,
    text_features,
)
from deltaclip.model.keys import ALPHA_CONVOLUTION
from tests.helpers import with_alpha
from tests.model.conftest import plainly_loaded

pytestmark = pytest.mark.real

Arrays = dict[str, npt.NDArray[np.float32]]
Converted = Callable[..., DualEncoder]
LAST_TOKEN = 8  # text number 2 has nine tokens; rows after them depend on the padding
PLAIN_FILES = [
    ("one_head", "one_head.openai.pt"),
    ("one_head", "one_head.openai.jit.pt"),
    ("two_head", "two_head.openai.pt"),
]
ALPHA_FILES = [("one_head", "one_head.alpha_visual.pth"), ("two_head", "two_head.alpha_conv.npz")]


@pytest.fixture(scope="module")
def golden(real_data: Path) -> Path:
    return real_data / "golden" / "clip_small"


@pytest.fixture(scope="module")
def inputs(golden: Path) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays(golden / "inputs.npz").items()}


@pytest.fixture(scope="module")
def converted(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Converts golden files once each, and loads the checkpoint they became."""
    known: dict[tuple[str, str | None], DualEncoder] = {}

    def load(clip: str, alpha: str | None = None) -> DualEncoder:
        if (clip, alpha) not in known:
            out = tmp_path_factory.mktemp("converted") / "checkpoint"
            convert(clip=golden / clip, alpha=golden / alpha if alpha else None, out=out)
            known[clip, alpha] = load_checkpoint(out).model
        return known[clip, alpha]

    return load


def arrays(path: Path) -> Arrays:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def assert_features(found: Tensor, expected: npt.NDArray[np.float32]) -> None:
    """Within the tolerance for features in float32 on the CPU."""
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=2e-5, rtol=1e-4)


def logits_per_image(model: DualEncoder, images: Tensor, texts: Tensor) -> Tensor:
    return model.logit_scale.exp() * normalize(images, dim=-1) @ normalize(texts, dim=-1).T


@pytest.mark.parametrize(("name", "clip"), PLAIN_FILES)
@torch.no_grad()
def test_a_converted_clip_gives_the_outputs_of_the_original(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, name: str, clip: str
) -> None:
    model, expected = converted(clip), arrays(golden / f"{name}.expected.npz")
    images = image_features(model, with_alpha(inputs["images"], inputs["alpha_mask"]))
    texts = text_features(model, inputs["ids"].long())
    assert_features(images, expected["encode_image"])
    assert_features(images, expected["alpha_zeroinit_encode_image"])
    assert_features(texts, expected["encode_text"])
    np.testing.assert_allclose(logits_per_image(model, images, texts).numpy(), expected["logits_per_image"], atol=5e-4)
    np.testing.assert_allclose(model.logit_scale.numpy(), expected["logit_scale"], rtol=1e-6)
    np.testing.assert_allclose(model.logit_scale.exp().numpy(), expected["logit_scale_exp"], rtol=1e-5)


@torch.no_grad()
def test_the_archive_and_the_state_dict_become_the_same_weights(converted: Converted) -> None:
    first, second = (converted(f"one_head.openai.{end}").state_dict() for end in ("pt", "jit.pt"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("name", "clip"), PLAIN_FILES)
@torch.no_grad()
def test_zero_alpha_weights_give_the_same_bits_whatever_the_mask(
    inputs: dict[str, Tensor], converted: Converted, name: str, clip: str
) -> None:
    model = converted(clip)
    outputs = [
        image_features(model, with_alpha(inputs["images"], inputs[f"alpha_{mask}"]))
        for mask in ("mask", "ones", "zeros")
    ]
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize(("name", "alpha"), ALPHA_FILES)
@pytest.mark.parametrize("mask", ["mask", "ones", "zeros"])
@torch.no_grad()
def test_alpha_weights_give_the_outputs_of_alpha_clip(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, name: str, alpha: str, mask: str
) -> None:
    model, expected = converted(f"{name}.openai.pt", alpha), arrays(golden / f"{name}.expected.npz")
    found = image_features(model, with_alpha(inputs["images"], inputs[f"alpha_{mask}"]))
    assert_features(found, expected[f"alpha_encode_image_{mask}"])


@pytest.mark.parametrize(("name", "alpha"), ALPHA_FILES)
@torch.no_grad()
def test_a_mask_that_was_not_normalised_is_another_input(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, name: str, alpha: str
) -> None:
    model, expected = converted(f"{name}.openai.pt", alpha), arrays(golden / f"{name}.expected.npz")
    wrong = image_features(model, with_alpha(inputs["images"], inputs["mask"].float()))
    assert_features(wrong, expected["alpha_encode_image_raw01_mask"])
    right = torch.from_numpy(expected["alpha_encode_image_mask"])
    assert torch.cosine_similarity(wrong, right, dim=-1).max() < 0.9


@pytest.mark.parametrize(("name", "alpha"), ALPHA_FILES)
@torch.no_grad()
def test_the_fourth_channel_gives_the_output_of_the_alpha_convolution(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, name: str, alpha: str
) -> None:
    model, expected = converted(f"{name}.openai.pt", alpha), arrays(golden / f"{name}.expected.npz")
    only_alpha = torch.cat([torch.zeros_like(inputs["images"][:1]), inputs["alpha_mask"][:1]], dim=1)
    assert_features(
        model.vision_model.embeddings.patch_embedding(only_alpha)[0], expected["alpha_conv_out_image0_mask"]
    )


@pytest.mark.parametrize(("name", "alpha"), ALPHA_FILES)
@torch.no_grad()
def test_the_last_attention_is_that_of_alpha_clip(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, name: str, alpha: str
) -> None:
    model, expected = converted(f"{name}.openai.pt", alpha), arrays(golden / f"{name}.expected.npz")
    four = torch.cat([inputs["images"][:1], inputs["alpha_mask"][:1]], dim=1)
    model.set_attn_implementation("eager")  # the fused kernel does not hand out its attention
    attentions = model.vision_model(pixel_values=four, output_attentions=True).attentions
    model.set_attn_implementation("sdpa")
    assert_features(attentions[-1][0], expected["alpha_last_attn_image0_mask"])


@pytest.mark.parametrize("name", ["one_head", "two_head"])
@torch.no_grad()
def test_every_block_gives_the_hidden_states_of_the_original(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, name: str
) -> None:
    model, expected = converted(f"{name}.openai.pt"), arrays(golden / f"{name}.expected.npz")
    four = torch.cat([inputs["images"][:1], inputs["alpha_mask"][:1]], dim=1)
    vision = model.vision_model(pixel_values=four, output_hidden_states=True)
    text = model.text_model(input_ids=inputs["ids"][2:3].long(), output_hidden_states=True)
    spec = model_spec(model)
    assert_features(vision.hidden_states[0][0], expected["hidden_image0_v_ln_pre"])
    for i in range(spec.vision_layers):
        assert_features(vision.hidden_states[i + 1][0], expected[f"hidden_image0_v_block{i}"])
    assert_features(vision.pooler_output[0], expected["hidden_image0_v_ln_post_cls"])
    for i in range(spec.text_layers):
        kept = text.hidden_states[i + 1][0, : LAST_TOKEN + 1]
        assert_features(kept, expected[f"hidden_text2_t_block{i}"][: LAST_TOKEN + 1])
    final = text.last_hidden_state[0, : LAST_TOKEN + 1]
    assert_features(final, expected["hidden_text2_t_ln_final"][: LAST_TOKEN + 1])


@pytest.mark.parametrize(
    ("clip", "alpha"),
    [
        ("one_head.openai.jit.pt", None),
        ("one_head.openai.pt", "one_head.alpha_visual.pth"),
        ("one_head.clip4clip.bin", None),
        ("two_head.openai.pt", "two_head.alpha_conv.npz"),
    ],
)
@torch.no_grad()
def test_plain_transformers_loads_what_was_written_and_gives_the_same(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, tmp_path: Path, clip: str, alpha: str | None
) -> None:
    convert(clip=golden / clip, alpha=golden / alpha if alpha else None, out=tmp_path / "out")
    plain = plainly_loaded(tmp_path / "out")
    ours, ids = converted(clip, alpha), inputs["ids"].long()
    four = torch.cat([inputs["images"], inputs["alpha_mask"]], dim=1)
    expected = image_features(ours, with_alpha(inputs["images"], inputs["alpha_mask"]))
    # Theirs convolves, ours multiplies: the same sums in a different order.
    torch.testing.assert_close(plain.get_image_features(pixel_values=four).pooler_output, expected)
    assert torch.equal(plain.get_text_features(input_ids=ids).pooler_output, text_features(ours, ids))


@pytest.mark.parametrize("key", ["conv1_alpha.weight", ALPHA_CONVOLUTION])
def test_the_alpha_convolution_alone_is_taken_from_a_pth_as_well(
    golden: Path, inputs: dict[str, Tensor], converted: Converted, tmp_path: Path, key: str
) -> None:
    weight = torch.from_numpy(arrays(golden / "two_head.alpha_conv.npz")[ALPHA_CONVOLUTION])
    torch.save({key: weight}, tmp_path / "alpha.pth")
    convert(clip=golden / "two_head.openai.pt", alpha=tmp_path / "alpha.pth", out=tmp_path / "out")
    found = load_checkpoint(tmp_path / "out").model.state_dict()
    expected = converted("two_head.openai.pt", "two_head.alpha_conv.npz").state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.fixture(scope="module")
def clip4clip(golden: Path) -> Arrays:
    return arrays(golden / "one_head.clip4clip_expected.npz")


@pytest.fixture(scope="module")
def frames(inputs: dict[str, Tensor], converted: Converted, clip4clip: Arrays) -> Tensor:
    """Features of both videos' places, (2, 4, D); an empty place is a picture of zeros."""
    places = torch.from_numpy(clip4clip["video_frames_from_images"]).flatten().long()
    pixels = inputs["images"][places.clamp(min=0)] * (places >= 0)[:, None, None, None]
    with torch.no_grad():
        found = image_features(converted("one_head.clip4clip.bin"), with_alpha(pixels, torch.zeros_like(pixels[:, :1])))
    return found.reshape(2, 4, -1)  # (B * T, D) -> (B, T, D)


@torch.no_grad()
def test_a_clip4clip_file_gives_the_frames_and_texts_of_the_original(
    inputs: dict[str, Tensor], converted: Converted, clip4clip: Arrays, frames: Tensor
) -> None:
    assert_features(frames, clip4clip["encode_image_frames"])
    assert_features(text_features(converted("one_head.clip4clip.bin"), inputs["ids"].long()), clip4clip["encode_text"])


@torch.no_grad()
def test_mean_pooling_gives_the_logits_of_clip4clip_and_empty_places_do_not_count(
    inputs: dict[str, Tensor], converted: Converted, clip4clip: Arrays, frames: Tensor
) -> None:
    model = converted("one_head.clip4clip.bin")
    present = torch.from_numpy(clip4clip["video_mask"]).bool()
    videos = torch.cat([mean_pool(video[kept][None]) for video, kept in zip(frames, present, strict=True)])
    texts = normalize(text_features(model, inputs["ids"].long()), dim=-1)
    logits = model.logit_scale.exp() * texts @ videos.T
    np.testing.assert_allclose(logits.numpy(), clip4clip["logits_text_by_video_meanP"], atol=5e-4)


@torch.no_grad()
def test_the_symmetric_loss_is_that_of_clip4clip(
    inputs: dict[str, Tensor], converted: Converted, clip4clip: Arrays
) -> None:
    model = converted("one_head.clip4clip.bin")
    videos = mean_pool(image_features(model, with_alpha(inputs["images"], inputs["alpha_zeros"]))[:, None])
    texts = normalize(text_features(model, inputs["ids"][1:5].long()), dim=-1)
    logits = model.logit_scale.exp() * texts @ videos.T
    target = torch.arange(4)
    t2v, v2t = cross_entropy(logits, target).item(), cross_entropy(logits.T, target).item()
    np.testing.assert_allclose(logits.numpy(), clip4clip["loss_logits_4x4"], atol=5e-4)
    expected = [clip4clip[name] for name in ("loss_t2v", "loss_v2t", "loss")]
    np.testing.assert_allclose([t2v, v2t, (t2v + v2t) / 2], expected, atol=1e-5)


@torch.no_grad()
def test_seqtransf_gives_the_logits_of_clip4clip(
    inputs: dict[str, Tensor], converted: Converted, clip4clip: Arrays, frames: Tensor
) -> None:
    model = converted("one_head.clip4clip.bin")
    present = torch.from_numpy(clip4clip["video_mask"]).bool()
    videos = torch.cat([pool_frames(model, video[kept][None]) for video, kept in zip(frames, present, strict=True)])
    texts = normalize(text_features(model, inputs["ids"].long()), dim=-1)
    logits = model.logit_scale.exp() * texts @ videos.T
    np.testing.assert_allclose(logits.numpy(), clip4clip["logits_text_by_video_seqTransf"], atol=5e-4)


def test_the_transformer_over_frames_of_clip4clip_is_kept(golden: Path, tmp_path: Path) -> None:
    report = convert(clip=golden / "one_head.clip4clip.bin", out=tmp_path / "out")
    assert report.left_out == ()
    assert (report.record.temporal_layers, report.record.max_words) == (1, 32)
