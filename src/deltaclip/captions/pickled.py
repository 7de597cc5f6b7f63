"""Captions in a pickle, read without running anything that a pickle may ask for."""

import pickle
import pickletools
from pathlib import Path

from deltaclip.captions.files import read_bytes, refused

__all__ = ["read_pickle"]

# What pickles of dict, list and str are made of, in protocols 0 to 5. None of these looks up a name or calls anything.
STRUCTURE = ("PROTO", "FRAME", "MARK", "STOP", "EMPTY_DICT", "EMPTY_LIST", "DICT", "LIST", "APPEND", "APPENDS")
ENTRIES = ("SETITEM", "SETITEMS", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
REMEMBERED = ("GET", "BINGET", "LONG_BINGET")
BUILDING = frozenset(STRUCTURE + ENTRIES + REMEMBERED)
REMEMBERING = frozenset(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"))


def read_pickle(path: Path) -> dict[str, list[object]]:
    """The captions of each video: a dict of str -> list. Raises CaptionError if the file holds anything else.

    What the lists hold is not checked here, but nothing in them is other than dict, list and str.
    """
    raw = read_bytes(path)
    try:
        _refuse_more(raw)
        document = pickle.loads(raw)
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError) as err:
        remedy = "Download it again from a place you trust, or use the captions as json."
        raise refused(path, f"not a pickle of captions ({err})", remedy) from err
    if not isinstance(document, dict) or not all(
        isinstance(name, str) and isinstance(texts, list) for name, texts in document.items()
    ):
        raise refused(path, "not a dict of lists", "Use raw-captions.pkl as it is published, or the captions as json.")
    return document


def _refuse_more(raw: bytes) -> None:
    """Raises UnpicklingError unless every instruction builds a dict, a list or a str."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
        if opcode.name in REMEMBERING:
            # A place far off would make the unpickler reserve memory for all places before it.
            if isinstance(argument, int) and argument > number:
                raise pickle.UnpicklingError(f"it remembers something as number {argument} of {number}")
        elif opcode.name not in BUILDING:
            asked = f"{opcode.name} {argument}" if isinstance(argument, str) else opcode.name
            raise pickle.UnpicklingError(f"{asked} builds something other than dict, list and str")
