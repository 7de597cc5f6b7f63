"""What a library in Lance tables says of itself: one row of its table of videos, written with every commit."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self
from uuid import uuid4

from deltaclip.errors import LibraryError
from deltaclip.library.results import RememberedEncoder, RememberedMotionEncoder

__all__ = ["FORMAT", "META_PATH", "LanceMeta", "Probing", "VectorWord"]

FORMAT = 1
META_PATH = b""
"""The path of the row that holds this, which no file has."""

ALL_LISTS = 1 << 16
"""More lists than any index has."""

VectorWord = Literal["float32", "float16"]
"""How vectors are kept."""


@dataclass(frozen=True, slots=True)
class Probing:
    """How the index of a large library is searched.

    probes: lists of the index that a search looks into. refine: candidates whose vectors are read, for each hit asked
    for. recall: share of the 10 nearest that it finds so, as measured. rows: moments that there were when the
    index was built.
    some_refine, some_recall: the same of a search that may find some of the moments alone, and looks into all lists.
    """

    probes: int
    refine: int
    recall: float
    rows: int
    some_refine: int = 100
    some_recall: float | None = None

    def among_some(self) -> "Probing":
        """For a search that may find some of the moments alone: the nearest of these lie in any list."""
        return replace(self, probes=ALL_LISTS, refine=self.some_refine)


@dataclass(frozen=True, slots=True)
class LanceMeta:
    """library: of this very library; a new one has a different one. vectors: how they are kept.

    commits: how many there were. moments_version: the version of the table of moments that belongs to this commit;
    None before there is one. declined: whether the last `remember` chose to have no motion vectors.
    probing: how the index of each column is searched; none without an index, when every search is exact.
    """

    library: str
    vectors: VectorWord = "float32"
    commits: int = 0
    moments_version: int | None = None
    encoder: RememberedEncoder | None = None
    motion: RememberedMotionEncoder | None = None
    declined: bool = False
    probing: Mapping[str, Probing] = field(default_factory=dict)

    @classmethod
    def new(cls, vectors: VectorWord) -> Self:
        """Of a library that is made now."""
        return cls(uuid4().hex, vectors)

    def next(self, moments_version: int | None, *, count: bool = True) -> Self:
        """Of one more commit. count: False for one that changes nothing that a reader sees."""
        return replace(self, commits=self.commits + count, moments_version=moments_version)

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT} | asdict(self))

    @classmethod
    def from_json(cls, address: str, text: str) -> Self:
        """Raises LibraryError for one of a newer format, and for what is none."""
        try:
            known: dict[str, Any] = json.loads(text)  # Any: words and numbers
            version = known.pop("format")
            if version != FORMAT:
                found = f"written in format {version}, and this deltaclip reads format {FORMAT} of Lance tables"
                raise LibraryError(address, found, "Use the deltaclip that wrote it, or give a different address.")
            encoder, motion, probing = (known.pop(name) for name in ("encoder", "motion", "probing"))
            return cls(
                **{each.name: known[each.name] for each in fields(cls) if each.name in known},
                encoder=None if encoder is None else RememberedEncoder(**encoder),
                motion=None if motion is None else RememberedMotionEncoder(**motion),
                probing={column: Probing(**each) for column, each in probing.items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            found = f"what it says of itself cannot be read ({error})"
            raise LibraryError(address, found, "Put back a copy of the library, or make a new one.") from error
