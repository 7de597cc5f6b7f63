"""What goes wrong with a file in a child of `Showing`, in a module that imports little: the child imports it too."""

import os
import time
from pathlib import Path


def crash(path: Path) -> None:
    """A decoder that takes its process along."""
    os._exit(7)


def take_long(path: Path) -> None:
    """Says that it has begun by making the file."""
    path.touch()
    time.sleep(60)
