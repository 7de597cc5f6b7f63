"""Folders that deltaclip keeps for itself."""

import os
from pathlib import Path

from platformdirs import user_cache_path

__all__ = ["default_cache_path"]


def default_cache_path() -> Path:
    """The folder of caches unless a caller names one: DELTACLIP_CACHE, else the user's cache folder."""
    chosen = os.environ.get("DELTACLIP_CACHE")
    return Path(chosen) if chosen else user_cache_path("deltaclip")
