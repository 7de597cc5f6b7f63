"""What weights do not tell: attention heads, activation, the layer norms' eps. Said by somebody, never guessed.

Several may say it: the program that a file is known to come from, a configuration beside the file, an option. They must
agree with each other and with the weights' shapes; what nobody says is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transformers.activations import ACT2FN

from deltaclip.errors import CheckpointError
from deltaclip.model.record import WORDS
from deltaclip.model.sizes import DEFAULT_EPS, HEAD_WIDTH, OPENAI_ACTIVATION

__all__ = ["ACTIVATIONS", "Architecture", "Claim", "openai_claim", "settle"]

# open_clip's own vision transformers whose heads are not 64 wide: width -> name and heads (its model_configs).
WIDE_HEADS = {1280: ("ViT-H-14", 16), 1408: ("ViT-g-14", 16), 1664: ("ViT-bigG-14", 16), 1792: ("ViT-e-14", 16)}
OPTIONS = {
    "vision_heads": "--vision-heads",
    "text_heads": "--text-heads",
    "vision_activation": "--activation",
    "text_activation": "--activation",
}
ACTIVATIONS = tuple(sorted(ACT2FN))
"""Those that transformers has, by its names."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says of a CLIP; None for what it does not say.

    source: in words for a person, such as the name of a file. activations: by transformers' names.
    vision_eps, text_eps: of the layer norms. sizes: what it says of the weights' shapes, by `shapes_of`'s names.
    """

    source: str
    vision_heads: int | None = None
    text_heads: int | None = None
    vision_activation: str | None = None
    text_activation: str | None = None
    vision_eps: float | None = None
    text_eps: float | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Architecture:
    """The same without gaps, and `known_from`: a name of WORDS -> the source that said it."""

    vision_heads: int
    text_heads: int
    vision_activation: str
    text_activation: str
    vision_eps: float
    text_eps: float
    known_from: Mapping[str, str]


def openai_claim(program: str, shapes: Mapping[str, int], activation: str = OPENAI_ACTIVATION) -> Claim:
    """OpenAI's own blocks, for a file known to come from a program that has them, but for the activation maybe."""
    heads = (shapes["vision_width"] // HEAD_WIDTH, shapes["text_width"] // HEAD_WIDTH)
    return Claim(program, *heads, activation, activation, DEFAULT_EPS, DEFAULT_EPS)


def settle(claims: Sequence[Claim], shapes: Mapping[str, int], what: str) -> Architecture:
    """What the claims say together of weights of these shapes.

    Raises CheckpointError if a claim does not fit the weights, two claims differ, heads do not divide the width, or
    heads or activation are not said by any.
    """
    for claim in claims:
        _refuse_other_sizes(claim, shapes, what)
    said = {name: _agreed(name, claims, what) for name in (*WORDS, "vision_eps", "text_eps")}
    missing = [name for name in WORDS if said[name] is None]
    if missing:
        raise _asked(missing, shapes, what)
    for tower in ("vision", "text"):
        width, heads = shapes[f"{tower}_width"], int(str(said[f"{tower}_heads"]))
        if heads < 1 or width % heads:
            found = f"{heads} {WORDS[f'{tower}_heads']}, which do not divide its width {width}"
            raise CheckpointError(what, found, f"Give --{tower}-heads as the model was trained, a divisor of {width}.")
        if said[f"{tower}_activation"] not in ACTIVATIONS:
            found = (
                f"the {WORDS[f'{tower}_activation']} {said[f'{tower}_activation']!r}, which transformers does not have"
            )
            raise CheckpointError(what, found, f"Give one of {', '.join(ACTIVATIONS)}.")
    return Architecture(
        vision_heads=int(str(said["vision_heads"])),
        text_heads=int(str(said["text_heads"])),
        vision_activation=str(said["vision_activation"]),
        text_activation=str(said["text_activation"]),
        vision_eps=float(said["vision_eps"] or DEFAULT_EPS),
        text_eps=float(said["text_eps"] or DEFAULT_EPS),
        known_from={name: next(claim.source for claim in claims if getattr(claim, name) is not None) for name in WORDS},
    )


def _agreed(name: str, claims: Sequence[Claim], what: str) -> int | float | str | None:
    """The value that every claim gives that gives one; None if none does."""
    values: dict[int | float | str, str] = {}
    for claim in claims:
        if (value := getattr(claim, name)) is not None:
            values.setdefault(value, claim.source)
    if len(values) > 1:
        found = "; ".join(f"{WORDS.get(name, name)} {value} by {source}" for value, source in values.items())
        remedy = "Leave out the option that is wrong, or name the one configuration that is right (--config FILE)."
        raise CheckpointError(what, f"its configurations disagree: {found}", remedy)
    return next(iter(values), None)


def _refuse_other_sizes(claim: Claim, shapes: Mapping[str, int], what: str) -> None:
    wrong = [
        f"{name} {value}, the weights {shapes[name]}" for name, value in claim.sizes.items() if shapes[name] != value
    ]
    if wrong:
        remedy = "Name the configuration of these weights (--config FILE), or move the other one away."
        raise CheckpointError(what, f"{claim.source} is of other weights: it says {'; '.join(wrong)}", remedy)


def _asked(missing: Sequence[str], shapes: Mapping[str, int], what: str) -> CheckpointError:
    """The refusal to guess, with the likely answers."""
    names = [WORDS[name] for name in missing]
    found = f"weights that do not tell {', '.join(names)}, in a layout that OpenAI's CLIP and open_clip's share"
    vision, text = shapes["vision_width"], shapes["text_width"]
    answers = []
    if vision in WIDE_HEADS and not text % HEAD_WIDTH:  # OpenAI has none so wide, and its rule would be wrong
        name, heads = WIDE_HEADS[vision]
        names_of = ((f"open_clip's {name}", "gelu"), (f"its {name}-quickgelu", "quick_gelu"))
        answers = [f"{model}: {_options(missing, heads, text // HEAD_WIDTH, act)}" for model, act in names_of]
    elif not vision % HEAD_WIDTH and not text % HEAD_WIDTH:
        names_of = (("OpenAI's or fine-tuned from it", "quick_gelu"), ("one of open_clip's without -quickgelu", "gelu"))
        rule = (vision // HEAD_WIDTH, text // HEAD_WIDTH)
        answers = [f"{model}: {_options(missing, *rule, act)}" for model, act in names_of]
    likely = f" Likely, if it is {'; if it is '.join(answers)}." if answers else ""
    options = " ".join(dict.fromkeys(OPTIONS[name] for name in missing))
    remedy = (
        "Put its open_clip_config.json (or transformers' config.json) beside it, or name one with --config FILE, or "
        f"give {options} as whoever trained it says; a wrong value gives wrong vectors without an error.{likely}"
    )
    return CheckpointError(what, found, remedy)


def _options(missing: Sequence[str], vision_heads: int, text_heads: int, activation: str) -> str:
    values = {"--vision-heads": vision_heads, "--text-heads": text_heads, "--activation": activation}
    return " ".join(f"{option} {values[option]}" for option in dict.fromkeys(OPTIONS[name] for name in missing))
