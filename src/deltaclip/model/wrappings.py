"""Takes off what training programs put around a state dict: dictionaries around it, and prefixes before its names.

People save `{"state_dict": …, "optimizer": …}` (open_clip, Lightning), `{"model": …}`, names that begin with `module.`
(DDP), `_orig_mod.` (torch.compile) or with the attribute of a module that holds the CLIP (`model.`, `net.clip.`), and
any nesting of these. Nothing is known by its wrapping here: the CLIP is looked for by names that every one has, and
whatever is around it is the wrapping. If two are found, a running average (EMA) is left out and a note says so; if
that does not decide, none is taken.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.wording import listed

WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts of a name that a wrapper of PyTorch adds, wherever it wraps; no layer of a CLIP is called so."""
ANCHORS = (
    "vision_model.embeddings.class_embedding",
    "visual.conv1_alpha.weight",
    "visual.class_embedding",
    "visual.trunk.cls_token",
    "conv1_alpha.weight",
    "class_embedding",
)
"""Names of which a CLIP, a vision tower and an alpha file each have one; the first that fits tells the prefix."""
SEEN_IN_A_CLIP = (*ANCHORS, "token_embedding.weight", "visual.conv1.weight", "logit_scale")
AVERAGE = re.compile(r"(^|[._])(ema|swa|averaged?)($|[._])", re.IGNORECASE)
COUNTER = "n_averaged"
MOST_DEPTH = 4
MOST_NAMES = 20
SAVE_ALONE = "Save the state dict of the CLIP alone with torch.save, and give that."

NestedDict = tuple[str, Mapping[object, object]]
"""A dictionary in a file, by the dotted keys that lead to it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Tensors by name, as a CLIP names them, and what was around them.

    tensors: all names below `prefix`, without it. outside: the weights beside them, by full name.
    notes: a sentence for the user if there was a choice, such as weights and their running average.
    """

    tensors: Mapping[str, Tensor]
    prefix: str = ""
    outside: Mapping[str, Tensor] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def alone(self, what: str) -> Mapping[str, Tensor]:
        """The tensors, if nothing was beside them; else CheckpointError with the list."""
        if self.outside:
            names = listed(sorted(self.outside), most=MOST_NAMES)
            found = f"{len(self.outside)} unmapped weights: {names} (those of the CLIP are below {self.prefix})"
            raise CheckpointError(what, found, SAVE_ALONE)
        return self.tensors


def unwrap(content: object, what: str) -> Weights:
    """The weights in what a file holds. Raises CheckpointError if there are none, or it is not clear which."""
    places = dict(_places(content, ()))
    if not places:
        return Weights(_all_tensors(content, what))
    place, notes = _chosen(list(places), what)
    weights = _unwrapped_names(places[place], what)
    prefixes = list(dict.fromkeys(prefix for name in weights if (prefix := _prefix(name)) is not None)) or [""]
    prefix, more_notes = _chosen(prefixes, what)
    averages = tuple(other for other in prefixes if other != prefix)
    named = {name: weight for name, weight in weights.items() if not (averages and name.startswith(averages))}
    tensors = {name.removeprefix(prefix): weight for name, weight in named.items() if name.startswith(prefix)}
    outside = {name: weight for name, weight in named.items() if not name.startswith(prefix)}
    if not (averages or notes or more_notes) and any(_is_counter(str(name), places[place]) for name in places[place]):
        notes = (f"Weights were taken from a running average ({COUNTER} beside them): there are no others.",)
    return Weights(tensors, prefix, outside, (*notes, *more_notes))


def _places(content: object, path: tuple[str, ...]) -> Iterator[NestedDict]:
    """Every dictionary in a tree of them that holds weights of a CLIP itself."""
    if not isinstance(content, Mapping) or len(path) > MOST_DEPTH:
        return
    if any(isinstance(value, Tensor) and str(name).endswith(SEEN_IN_A_CLIP) for name, value in content.items()):
        yield ".".join(path), content
        return
    for key, value in content.items():
        yield from _places(value, (*path, str(key)))


def _chosen(found: Sequence[str], what: str) -> tuple[str, tuple[str, ...]]:
    """The one of several places or prefixes that is no running average, and a sentence if there was a choice."""
    if len(found) == 1:
        average = AVERAGE.search(found[0])
        return found[0], (
            f"Weights were taken from {found[0]!r}, a running average: there are no others.",
        ) if average else ()
    words = [repr(each.rstrip(".")) if each else "the top" for each in found]
    plain = [each for each in found if not AVERAGE.search(each)]
    if len(plain) != 1:
        raise CheckpointError(
            what, f"{len(found)} sets of weights, at {', '.join(words)}, and one is wanted", SAVE_ALONE
        )
    others = [word for each, word in zip(found, words, strict=True) if each != plain[0]]
    taken = words[found.index(plain[0])]
    return plain[0], (f"Weights were taken from {taken}; their running average at {', '.join(others)} was not.",)


def _unwrapped_names(state: Mapping[object, object], what: str) -> dict[str, Tensor]:
    """The tensors of a state dict by name, without the parts that wrappers add; what is no tensor is no weight."""
    weights: dict[str, Tensor] = {}
    for key, value in state.items():
        if isinstance(value, Tensor) and not _is_counter(str(key), state):
            name = ".".join(part for part in str(key).split(".") if part not in WRAPPERS)
            if name in weights:
                raise CheckpointError(what, f"{name} twice, with and without a wrapper's prefix", SAVE_ALONE)
            weights[name] = value
    return weights


def _is_counter(name: str, state: Mapping[object, object]) -> bool:
    """Whether this is the number of models in a running average, as torch's AveragedModel keeps it beside `module.`"""
    outer, _, last = name.rpartition(COUNTER)
    return not last and COUNTER in name and any(str(other).startswith(f"{outer}module.") for other in state)


def _prefix(name: str) -> str | None:
    """What is before the name of a weight by which a CLIP is known; None for any other weight."""
    for anchor in ANCHORS:
        if name == anchor or name.endswith(f".{anchor}"):
            return name.removesuffix(anchor)
    return None


def _all_tensors(content: object, what: str) -> dict[str, Tensor]:
    """The content itself, which holds nothing of a CLIP, as tensors by name."""
    if isinstance(content, dict) and all(isinstance(n, str) and isinstance(v, Tensor) for n, v in content.items()):
        return dict(content)
    kinds = f"a dict with {', '.join(map(str, list(content)[:5]))}" if isinstance(content, dict) else type(content)
    raise CheckpointError(
        what, f"no tensors by name ({kinds})", "Take the state dict out of it and save that with torch.save."
    )
