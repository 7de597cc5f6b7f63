"""What calling the command line gives."""

from collections.abc import Callable
from typing import Any

__all__ = ["Answer", "Call"]

Answer = tuple[int, Any, str]
"""Exit code, text of stdout or the json that it is, stderr."""
Call = Callable[..., Answer]
