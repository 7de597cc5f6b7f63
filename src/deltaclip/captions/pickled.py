"""Captions in a pickle, read without running anything that a pickle may ask for."""

import io
import pickle
from pathlib import Path

from deltaclip.captions.files import read_bytes, refused

__all__ = ["read_pickle"]


class _Unpickler(pickle.Unpickler):
    """Builds plain dict, list and str. A pickle runs code through the names it asks for, and none is given."""

    def find_class(self, module: str, name: str) -> object:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and captions are only dict, list and str")


def read_pickle(path: Path) -> dict[str, list[object]]:
    """The captions of each video: a dict of str -> list. Raises CaptionError where the file holds anything else.

    What the lists hold is not checked here.
    """
    try:
        document = _Unpickler(io.BytesIO(read_bytes(path))).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,  # UnicodeDecodeError too
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        MemoryError,
        OverflowError,
    ) as err:
        remedy = "Download it again from a place you trust, or use the captions as json."
        raise refused(path, f"not a pickle of captions ({err})", remedy) from err
    if not isinstance(document, dict) or not all(
        isinstance(name, str) and isinstance(texts, list) for name, texts in document.items()
    ):
        raise refused(path, "not a dict of lists", "Use raw-captions.pkl as it is published, or the captions as json.")
    return document
