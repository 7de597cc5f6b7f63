"""Which code a run is made with."""

import subprocess
from pathlib import Path

import deltaclip

__all__ = ["commit"]


def commit() -> str:
    """The commit of the code that runs, with a plus where files differ from it; the version outside a checkout."""
    folder = Path(deltaclip.__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        changes = subprocess.run(["git", "status", "--porcelain", "."], cwd=folder, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return f"version {deltaclip.__version__}"
    return head.stdout.strip()[:12] + ("+" if changes.stdout.strip() else "")
