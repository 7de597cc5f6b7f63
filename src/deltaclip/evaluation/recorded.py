"""The protocol that saved ranks carry: its marks, its words for people, and whether two are of one material.

It works on the json document and not on `Protocol`: other programs write such files too, with fewer fields or others,
and comparing files needs no encoder and thus no import of one.
"""

from collections.abc import Mapping
from typing import Any

from deltaclip.errors import CaptionError

__all__ = ["check_same_material", "in_words", "marked_name", "protocol_lines", "protocol_marks"]

Recorded = Mapping[str, Any]  # Any: json
"""As `Protocol.to_json` gives it, or less."""

MATERIAL = ("dataset", "split", "seed", "videos")
"""What two rankings must share to be compared; `videos` is how many candidates each query had."""
LINES = (
    (*MATERIAL, "missing", "captions", "missing_captions", "cut_captions", "max_words"),
    ("motion", "keep", "num_frames", "sampling", "preprocessing", "pooling", "interaction", "post"),
    ("encoder", "fingerprint", "precision", "device", "version", "commit"),
)
WORDS = {
    "motion": "mask",
    "keep": "share of patches",
    "num_frames": "frames",
    "post": "post-processing",
    "version": "deltaclip",
}
NO_POST: tuple[object, ...] = (None, "none", "", {})


def protocol_marks(protocol: Recorded) -> tuple[str, ...]:
    """Those of `Protocol.marks` as saved, and what a file without them says of post-processing and missing videos."""
    saved = protocol.get("marks")
    marks = [str(mark) for mark in saved] if isinstance(saved, list | tuple) else []
    if protocol.get("post") not in NO_POST and not any(mark.startswith("post-processing") for mark in marks):
        marks.append(f"post-processing {in_words(protocol['post'])}")
    if protocol.get("missing") and not any("missing" in mark for mark in marks):
        marks.append(f"{in_words(protocol['missing'])} videos missing")
    return tuple(marks)


def marked_name(name: str, protocol: Recorded) -> str:
    """`ours.ranks [post-processing dsl (temperature 100)]`; the name alone if there are no marks."""
    marks = protocol_marks(protocol)
    return f"{name} [{'; '.join(marks)}]" if marks else name


def protocol_lines(protocol: Recorded) -> tuple[str, ...]:
    """All that is recorded, for people, then a line for each mark. Names may hold line feeds: escape before showing."""
    if not protocol:
        return ("no protocol was saved with these ranks",)
    known = {name for line in LINES for name in line} | {"marks"}
    lines = []
    for names in (*LINES, tuple(name for name in protocol if name not in known)):
        parts = [_part(name, protocol[name]) for name in names if name in protocol]
        line = ", ".join(part for part in parts if part)
        lines += [line] if line else []
    return (*lines, *(f"note: {mark}" for mark in protocol_marks(protocol)))


def check_same_material(names: tuple[str, str], first: Recorded, second: Recorded, remedy: str) -> None:
    """Raises CaptionError with both names if both name a data set, split, seed or number of videos, and they differ.

    Other differences, as of masks or post-processing, are what a comparison is for.
    """
    differing = [
        f"{name} {in_words(first[name])} against {in_words(second[name])}"
        for name in MATERIAL
        if first.get(name) is not None and second.get(name) is not None and first[name] != second[name]
    ]
    if differing:
        raise CaptionError(
            " and ".join(names), f"their queries are not ranked on the same videos: {', '.join(differing)}", remedy
        )


def _part(name: str, value: object) -> str:
    """`frames 12`; empty if there is nothing to say."""
    chosen_alone = name == "chosen_among" and value == 1
    if chosen_alone or (value is None and name not in ("motion", "post")):
        return ""
    return f"{WORDS.get(name, name.replace('_', ' '))} {'none' if value is None else in_words(value)}"


def in_words(value: object) -> str:
    """`dsl (temperature 100)`, `1,000`, or the text itself."""
    if isinstance(value, Mapping):
        details = ", ".join(
            f"{name.replace('_', ' ')} {in_words(part)}" for name, part in value.items() if name != "name"
        )
        title = in_words(value.get("name", ""))
        return f"{title} ({details})".strip() if details else title
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,g}" if isinstance(value, float) else f"{value:,}"
    return str(value)
