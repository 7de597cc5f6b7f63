"""deltaclip finds moments in videos from words, by what moves in them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltaclip.encoder import Encoder, EncoderSpec
    from deltaclip.library import Library

__version__ = "0.1.0"
__all__ = ["Encoder", "EncoderSpec", "Library", "__version__"]

_HOMES = {"Encoder": "deltaclip.encoder", "EncoderSpec": "deltaclip.encoder", "Library": "deltaclip.library"}


def __getattr__(name: str) -> object:
    """Fetches the public classes when they are asked for: `deltaclip --help` must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'deltaclip' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
