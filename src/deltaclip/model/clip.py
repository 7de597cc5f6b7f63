"""Dual encoders with input channels for motion, on the stock models of transformers, `CLIPModel` above all.

The patch embedding is one over all channels of a clip (`channels.channels_of`): for red, green, blue and alpha the sum
of Alpha-CLIP's two (`conv1` on the picture, `conv1_alpha` on the mask), so that plain transformers loads and runs our
checkpoints. Here it runs as a matrix product. A temporal head, if there is one, is a part of the model beside
transformers' own.
"""

import copy
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from deltaclip.channels import CHANNELS, COLOURS, MOTION, channels_of, extras_of
from deltaclip.errors import CheckpointError
from deltaclip.model.families.wiring import DualConfig, DualEncoder, family_of, wiring
from deltaclip.model.patches import PATCH_EMBEDDING, PatchEmbedding
from deltaclip.model.spec import text_config, vision_config
from deltaclip.model.temporal import HeadSizes, fresh_head, head_sizes, put_head, temporal_head
from deltaclip.wording import listed

__all__ = [
    "alpha_is_zero",
    "assemble",
    "channel_extras",
    "channel_moments",
    "check_numbers",
    "clip_frames",
    "empty_like",
    "first_layers",
    "image_features",
    "listed_keys",
    "mean_pool",
    "normalised",
    "pool_frames",
    "text_features",
    "token_features",
    "widened",
    "with_motion_channels",
    "with_temporal_head",
    "without_counters",
]

LISTED_KEYS = 20
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def assemble(config: DualConfig, weights: Mapping[str, Tensor], what: str) -> DualEncoder:
    """A model of float32 weights, ready to use, from exactly the weights it needs.

    weights: by transformers' names; those of colours alone get motion channels of zeros. Those of a temporal head are
    among them, under the names that begin with `temporal.PREFIX`.
    what: whose weights they are, for the CheckpointError that lists missing, unexpected and misshapen ones.
    """
    state = without_counters(weights)
    check_numbers(state, what)
    if PATCH_EMBEDDING in state:
        state[PATCH_EMBEDDING] = with_motion_channels(state[PATCH_EMBEDDING])
    # A sum with NaN or infinity in it is not finite, and takes a sixth of the time; others are rare and looked at.
    unsure = {name: weight for name, weight in state.items() if not torch.isfinite(weight.sum())}
    broken = [name for name, weight in unsure.items() if not torch.isfinite(weight).all()]
    if broken:
        remedy = "Fetch or train the weights again: vectors made with them would be NaN."
        raise CheckpointError(what, f"{len(broken)} weights hold NaN or infinity: {listed_keys(broken)}", remedy)
    model = _empty(config, _num_channels(state), head_sizes(state))
    _check_weights({name: weight.shape for name, weight in model.state_dict().items()}, state, what)
    # Contiguous and owned: views into one big tensor could not be saved, nor trained apart.
    return _filled(model, {name: weight.float().contiguous() for name, weight in state.items()})


def without_counters(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the counters that old transformers checkpoints carry; version 5 makes them itself."""
    return {name: weight for name, weight in weights.items() if not name.endswith(".embeddings.position_ids")}


def check_numbers(weights: Mapping[str, Tensor], what: str) -> None:
    """CheckpointError with the list of what is not a plain tensor of floats.

    Whole numbers and bytes of a quantised model are codes, whose scale is stored elsewhere; taken as floats they would
    give wrong vectors without an error.
    """
    unlike = [f"{name} ({kind})" for name, weight in weights.items() if (kind := _unlike_floats(weight))]
    if unlike:
        remedy = (
            "Save the weights as plain tensors of float32, float16 or bfloat16, and of a quantised model its original."
        )
        raise CheckpointError(what, f"{len(unlike)} weights that are not plain floats: {listed_keys(unlike)}", remedy)


def _unlike_floats(weight: Tensor) -> str | None:
    """What a tensor is, in a word, if it is not numbers of FLOATS laid out one beside the other; else None."""
    if weight.is_meta:
        return "meta: a shape without numbers"
    if weight.layout != torch.strided or weight.is_nested:
        return str(weight.layout).removeprefix("torch.") if not weight.is_nested else "nested"
    return None if weight.dtype in FLOATS else str(weight.dtype).removeprefix("torch.")


def first_layers(model: DualEncoder) -> DualEncoder:
    """The same weights, not copied, with the first layer of each encoder only."""
    config = copy.deepcopy(model.config)
    for half in (vision_config(config), text_config(config)):
        half.num_hidden_layers = 1
    weights = model.state_dict()
    small = _empty(config, _num_channels(weights))
    return _filled(small, {name: weights[name] for name in small.state_dict()})


def widened(model: DualEncoder, extras: Iterable[str]) -> DualEncoder:
    """The same weights with channels for these of `channels.EXTRAS` as well; new ones are zero and change no vector.

    The model itself if it has them all. Weights are shared where they are the same.
    """
    weight = model.vision_model.embeddings.patch_embedding.weight.detach()
    has = channels_of(extras_of(weight.shape[1]))
    wanted = channels_of({*extras_of(weight.shape[1]), *extras})
    if has == wanted:
        return model
    wide = weight.new_zeros((weight.shape[0], len(wanted), *weight.shape[2:]))
    wide[:, [wanted.index(channel) for channel in has]] = weight
    config = copy.deepcopy(model.config)
    weights = {**model.state_dict(), PATCH_EMBEDDING: wide}
    return _filled(_empty(config, len(wanted), head_sizes(weights)), weights)


def with_temporal_head(model: DualEncoder, sizes: HeadSizes, seed: int) -> DualEncoder:
    """The same weights, not copied, with a fresh temporal head, which changes no vector until it is trained."""
    own = model.state_dict()
    empty = _empty(copy.deepcopy(model.config), _num_channels(own), sizes)
    return _filled(empty, {**own, **fresh_head(wiring(family_of(model)).dimension(model), sizes, seed)})


def empty_like(model: DualEncoder) -> DualEncoder:
    """A model of the same sizes without numbers (on torch's device `meta`), to count what it computes."""
    head = temporal_head(model)
    channels = model.vision_model.embeddings.patch_embedding.weight.shape[1]
    empty = _empty(copy.deepcopy(model.config), channels, None if head is None else head.sizes)
    empty.train(False)
    return empty


def channel_extras(model: DualEncoder) -> tuple[str, ...]:
    """Which of `channels.EXTRAS` a model takes."""
    return extras_of(model.vision_model.embeddings.patch_embedding.weight.shape[1])


def _num_channels(state: Mapping[str, Tensor]) -> int:
    """The channels of these weights; those that every clip has if theirs are of no clip, which `assemble` reports."""
    weight = state.get(PATCH_EMBEDDING)
    if weight is None or weight.ndim != 4:
        return len(CHANNELS)
    try:
        return len(channels_of(extras_of(weight.shape[1])))
    except ValueError:
        return len(CHANNELS)


def _empty(config: DualConfig, num_channels: int, head: HeadSizes | None = None) -> DualEncoder:
    """A model of so many channels, and with a temporal head of these sizes, without weights."""
    vision = vision_config(config)
    vision.num_channels = num_channels
    with torch.device("meta"):
        family = wiring(family_of(config))
        model: DualEncoder = family.model(config)
        embeddings = model.vision_model.embeddings
        embeddings.patch_embedding = PatchEmbedding(
            num_channels, vision.hidden_size, vision.patch_size, has_bias=embeddings.patch_embedding.bias is not None
        )
        if head is not None:
            put_head(model, head, family.dimension(model))
    return model


def _filled(model: DualEncoder, state: Mapping[str, Tensor]) -> DualEncoder:
    """An empty model with these weights themselves as its own, in eval mode."""
    model.load_state_dict(state, assign=True)
    for embeddings in (model.text_model.embeddings, model.vision_model.embeddings):
        embeddings.position_ids = torch.arange(embeddings.position_ids.shape[1]).expand((1, -1))
    model.train(False)
    return model


def with_motion_channels(weight: Tensor) -> Tensor:
    """A patch embedding of colours (W, 3, P, P) with motion channels of zeros; one that has more channels as it is."""
    if weight.ndim == 4 and weight.shape[1] == len(COLOURS):
        return torch.cat([weight, torch.zeros_like(weight[:, :1]).repeat(1, len(MOTION), 1, 1)], dim=1)
    return weight


def _check_weights(shapes: Mapping[str, torch.Size], state: Mapping[str, Tensor], what: str) -> None:
    problems = {
        "missing": sorted(shapes.keys() - state.keys()),
        "unexpected": sorted(state.keys() - shapes.keys()),
        "of a different shape": [
            f"{name} {tuple(state[name].shape)} instead of {tuple(shapes[name])}"
            for name in sorted(shapes.keys() & state.keys())
            if state[name].shape != shapes[name]
        ],
    }
    found = "; ".join(
        f"{len(names)} weights {problem}: {listed_keys(names)}" for problem, names in problems.items() if names
    )
    if found:
        raise CheckpointError(what, found, "Give the whole weights of one model, and the configuration of these.")


def listed_keys(names: list[str]) -> str:
    """Names of weights for an error message, at most twenty of them and how many more there are."""
    return listed(names, most=LISTED_KEYS)


def normalised(frames: Tensor) -> Tensor:
    """Frames (..., C, S, S) uint8, channels as in a `reader.Clip`, to what the model takes: float32, same device."""
    mean, std = (each.to(frames.device) for each in channel_moments(frames.shape[-3]))
    return frames.to(torch.float32, copy=True).div_(255).sub_(mean).div_(std)


def channel_moments(num_channels: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, each (C, 1, 1) float32, that normalise channels of values in 0..1."""
    channels = channels_of(extras_of(num_channels))
    means, stds = zip(*((channel.mean, channel.std) for channel in channels), strict=True)
    return torch.tensor(means)[:, None, None], torch.tensor(stds)[:, None, None]


def image_features(model: DualEncoder, pictures: Tensor, kept: Tensor | None = None) -> Tensor:
    """Features of pictures with their motion channels, of no particular length.

    pictures: (N, C, S, S), as `normalised` makes them; motion went through the same geometry as the picture.
    kept: (N, K) int64, the patches of each that enter the layers, as `pruning.kept_patches`; None for all of them.
    Returns (N, D) float32.
    """
    return wiring(family_of(model)).image_features(model, pictures, kept).float()


def text_features(model: DualEncoder, ids: Tensor) -> Tensor:
    """Features of token rows, of no particular length, taken where the family does (`Family.whole_rows`).

    ids: (N, L) int64, L at most the model's context length, or just that; at the first end token of a row of CLIP's,
    after which any padding gives the same. Returns (N, D) float32.
    """
    features: Tensor = model.get_text_features(input_ids=ids).pooler_output
    return features.float()


def token_features(model: DualEncoder, ids: Tensor) -> Tensor:
    """What is left of every token at the end of the text encoder, normalised and projected as the text's feature is.

    ids: as of `text_features`, which takes one place of it. Returns (N, L, D) float32, those of padding among them.
    """
    return wiring(family_of(model)).text_rows(model, ids).float()


def mean_pool(frames: Tensor) -> Tensor:
    """The vector of each video from the features of its frames: CLIP4Clip's meanP.

    Each frame to unit length, their mean, and that to unit length again; without the last step logits are wrong.
    frames: (B, T, D) with every frame real. Returns (B, D).
    """
    return normalize(normalize(frames, dim=-1).mean(dim=1), dim=-1)  # (B, T, D) -> (B, D)


def pool_frames(model: DualEncoder, frames: Tensor) -> Tensor:
    """The vectors of videos from the features of their frames: through the temporal head if there is one, then meanP.

    frames: (B, T, D) float32 with every frame real, in the order shown. Returns (B, D), unit rows. Raises ValueError
    for more frames than the head has positions.
    """
    return mean_pool(clip_frames(model, frames))


def clip_frames(model: DualEncoder, frames: Tensor) -> Tensor:
    """Features of frames (B, T, D) as they are pooled: through the temporal head if there is one. Raises as above."""
    head = temporal_head(model)
    return frames if head is None else head(frames)


def alpha_is_zero(model: DualEncoder) -> bool:
    """Whether all weights of motion channels are zero: then masks change no feature, and need not be computed."""
    return not bool(model.vision_model.embeddings.patch_embedding.weight[:, len(COLOURS) :].any())
