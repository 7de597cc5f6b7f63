"""A CLIP with everything that must be known about it, from a file, a folder or the hub, and from what the user says."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.architecture import Architecture, Claim, openai_claim, settle
from deltaclip.model.checkpoint import Parts, read_folder
from deltaclip.model.configs import Transformers, configurations, transformers_claim
from deltaclip.model.dialects import BEGIN_TOKEN, END_TOKEN
from deltaclip.model.families import CLIP, Family
from deltaclip.model.families.wiring import DualConfig, family_of, wiring
from deltaclip.model.files import CARD_FILE, CONFIG_FILE, card_licence, found_folder, open_clip_weights
from deltaclip.model.hub import is_hub_name
from deltaclip.model.keys import shapes_of, to_transformers
from deltaclip.model.normalisation import CLIP_NORMALISATION, Normalisation, normalisation_words
from deltaclip.model.preprocessing import read_preprocessing
from deltaclip.model.record import NORMALISATION, UNKNOWN_LICENCE, CheckpointRecord
from deltaclip.model.sizes import Blocks, ModelSpec
from deltaclip.model.sources import read_clip
from deltaclip.model.spec import clip_config
from deltaclip.model.token_weights import TokenWeights
from deltaclip.model.tokenizer import TOKENIZER_FILES, Tokenizer

__all__ = ["Normalised", "Said", "SourceKind", "SourceModel", "read_any"]

# CLIP4Clip's --max_words: its text tower never saw longer rows in training.
CLIP4CLIP_MAX_WORDS = 32

SourceKind = Literal["openai", "clip4clip", "pe_core", "transformers"]
Normalised = tuple[Normalisation, str]
"""A normalisation and who says it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the user says about a CLIP; None for what is to be found elsewhere.

    config: the configuration that counts, in place of those beside the weights. activation: by transformers' name, of
    both encoders. vision_heads, text_heads: attention heads. normalisation: of pictures.
    """

    config: Path | None = None
    activation: str | None = None
    vision_heads: int | None = None
    text_heads: int | None = None
    normalisation: Normalisation | None = None

    def claim(self) -> Claim:
        """Heads and activation as a claim."""
        return Claim("option", self.vision_heads, self.text_heads, self.activation, self.activation)


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A CLIP by transformers' names, wherever it came from.

    state: for pictures normalised by `normalisation`. left_out: names in the file that a CLIP has no place for.
    notes: sentences about what was taken and what nobody said. token_weights: as of `Checkpoint`.
    """

    kind: SourceKind
    config: DualConfig
    state: Mapping[str, Tensor]
    tokenizer: Tokenizer | None
    record: CheckpointRecord
    architecture: Architecture
    normalisation: Normalisation
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    token_weights: TokenWeights | None = None


def read_any(clip: str | os.PathLike[str], said: Said, tokenizer: Tokenizer | None) -> SourceModel:
    """The CLIP of a file, a folder or the hub. tokenizer: the one to be used; None for the folder's own.

    Raises CheckpointError if it cannot be read, or if something that must be known is missing or contradictory.
    """
    path = Path(clip).expanduser()
    if not path.exists() and not is_hub_name(str(clip)):
        remedy = (
            "Give a file of weights, a folder with config.json and model.safetensors, or a hub name like owner/model."
        )
        raise CheckpointError(str(clip), "neither a file or folder here nor a hub name", remedy)
    if path.is_file():
        return _of_file(path, said, tokenizer)
    folder, hub = found_folder(clip)
    if (file := open_clip_weights(folder)) is None:
        return _of_transformers(read_folder(folder, hub, tokenizer, None), said)
    own = Tokenizer.from_source(folder) if any((folder / name).exists() for name in TOKENIZER_FILES) else None
    found = _of_file(file, said, tokenizer or own)
    licence = card_licence(folder / CARD_FILE)
    if licence == UNKNOWN_LICENCE:
        licence = found.record.licence
    return replace(found, record=replace(found.record, hub=hub, licence=licence))


def _of_transformers(parts: Parts, said: Said) -> SourceModel:
    claim = transformers_claim(parts.config, CONFIG_FILE)
    named = [] if said.config is None else configurations(said.config, said.config, family_of(parts.config))
    claims = [claim, *(each.claim() for each in named), said.claim()]
    architecture = settle(claims, claim.sizes, parts.what)
    image_size = claim.sizes["image_size"]
    normalisations = [parts.normalisation, *(each.normalisation(image_size) for each in named)]
    normalised = _agreed_normalisation(normalisations, said, parts.what)
    known = {**architecture.known_from, NORMALISATION: normalisation_words(normalised), **parts.record.known_from}
    if normalised != parts.normalisation:  # by an option or the configuration that was named
        known[NORMALISATION] = normalisation_words(normalised)
    record = replace(parts.record, known_from=known)
    return SourceModel(
        "transformers",
        parts.config,
        parts.state,
        parts.tokenizer,
        record,
        architecture,
        (normalised or (CLIP_NORMALISATION, ""))[0],
        token_weights=parts.token_weights,
    )


def _of_file(path: Path, said: Said, tokenizer: Tokenizer | None) -> SourceModel:
    what = str(path)
    try:
        file = read_clip(path)
    except CheckpointError:
        for each in configurations(path, said.config):
            each.claim()  # a model that is not ours is better named by its configuration than by its weights
        raise
    if said.config is not None and file.family is not CLIP:
        found = f"a {file.family.title}, whose weights tell all that a configuration would"
        raise CheckpointError(what, found, "Leave out the configuration (--config).")
    shapes = shapes_of(file.weights, what)
    # A file whose origin is known may have unrelated files beside it; what the user named always counts.
    told = configurations(path, said.config) if said.config is not None or file.program is None else []
    programs = [] if file.program is None else [openai_claim(file.program, shapes, file.activation)]
    claims = [*programs, *(each.claim() for each in told), said.claim()]
    shapes = _with_image_size(shapes, claims)
    architecture = settle(claims, shapes, what)
    image_size = shapes["image_size"]
    normalisations: list[Normalised | None] = [each.normalisation(image_size) for each in told]
    if file.program is not None:
        normalisations.append((file.family.normalisation, file.program))
    elif said.config is None and not any(isinstance(each, Transformers) for each in told):
        normalisations.append(read_preprocessing(path.parent, image_size, CLIP))
    normalised = _agreed_normalisation(normalisations, said, what)
    known = {**architecture.known_from, NORMALISATION: normalisation_words(normalised)}
    max_words = CLIP4CLIP_MAX_WORDS if file.kind == "clip4clip" else shapes["context_length"]
    record = CheckpointRecord(source=(file.file,), licence=file.licence, known_from=known, max_words=max_words)
    return SourceModel(
        file.kind,
        _config(shapes, architecture, file.family, tokenizer, what),
        {**to_transformers(file.weights, what), **file.head},
        tokenizer,
        record,
        architecture,
        (normalised or (CLIP_NORMALISATION, ""))[0],
        file.left_out,
        (*file.notes, *_unsaid(normalised)),
        file.token_weights,
    )


def _with_image_size(shapes: Mapping[str, int], claims: Sequence[Claim]) -> dict[str, int]:
    """The sizes with the image size that is said, if it has as many patches: weights tell whole patches only."""
    patch = shapes["patch_size"]
    said = [claim.sizes["image_size"] for claim in claims if "image_size" in claim.sizes]
    fitting = [size for size in said if size // patch == shapes["image_size"] // patch]
    return {**shapes, "image_size": fitting[0]} if fitting else dict(shapes)


def _config(
    shapes: Mapping[str, int], found: Architecture, family: Family, tokenizer: Tokenizer | None, what: str
) -> DualConfig:
    sizes = {name: size for name, size in shapes.items() if not name.endswith("_mlp_width")}
    begin, end = _begin_and_end(shapes["vocab_size"], tokenizer, what)
    spec = ModelSpec(**sizes, begin=begin, end=end, pad=0, vision_heads=found.vision_heads, text_heads=found.text_heads)
    vision = Blocks(found.vision_activation, shapes["vision_mlp_width"], found.vision_eps)
    config = clip_config(spec, vision, Blocks(found.text_activation, shapes["text_mlp_width"], found.text_eps))
    if family is CLIP:
        return config
    made: DualConfig = wiring(family).read_config({**config.to_dict(), "model_type": family.name})
    return made


def _begin_and_end(vocab_size: int, tokenizer: Tokenizer | None, what: str) -> tuple[int, int]:
    """The ids that begin and end a text: the tokenizer's, else the last two (49406 and 49407 of 49408), as CLIP's are.

    OpenAI's and open_clip's programs take a text's feature at the largest id of its row; transformers at its end token.
    These are one only if no id is larger than the end token's, so that any other tokenizer is refused.
    """
    begin, end = (tokenizer.token_id(token) if tokenizer else None for token in (BEGIN_TOKEN, END_TOKEN))
    if tokenizer is not None and end is not None and end != tokenizer.vocab_size - 1:
        found = f"the tokenizer ends texts with {end} and has ids up to {tokenizer.vocab_size - 1}"
        remedy = f"Give the tokenizer of the CLIP, whose {END_TOKEN} is the last id: features are taken at the largest."
        raise CheckpointError(what, found, remedy)
    return vocab_size - 2 if begin is None else begin, vocab_size - 1 if end is None else end


def _agreed_normalisation(found: Sequence[Normalised | None], said: Said, what: str) -> Normalised | None:
    """The one normalisation that all say that say any; None if none does."""
    option = None if said.normalisation is None else (said.normalisation, "option")
    all_said = [each for each in (*found, option) if each is not None]
    differing = [each for each in all_said if not each[0].is_same(all_said[0][0])]
    if differing:
        words = "; ".join(f"{own} by {source}" for own, source in (all_said[0], differing[0]))
        remedy = "Leave out the option that is wrong, or name the one configuration that is right (--config FILE)."
        raise CheckpointError(what, f"what is said of its pictures differs: {words}", remedy)
    return all_said[0] if all_said else None


def _unsaid(normalised: Normalised | None) -> tuple[str, ...]:
    if normalised is not None:
        return ()
    return (
        "Nothing says how its pictures are normalised; CLIP's own mean and deviation were taken. If it was trained "
        "with others (some of open_clip's with 0.5 for both), give mean and std (--mean, --std).",
    )
