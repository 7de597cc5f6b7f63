"""The figures of a finished run on disk, with the settings that they were made with."""

import json
from pathlib import Path
from typing import Any

from deltaclip.errors import TrainingError
from deltaclip.training.place import differences
from deltaclip.training.saving import save_whole

__all__ = ["Figures", "keep_figures", "kept_figures"]

Figures = dict[str, Any]  # Any: a json document


def keep_figures(path: Path, settings: Figures, figures: Figures) -> None:
    """Writes both as one json file that is whole or not there."""
    document = json.dumps({"settings": settings, "figures": figures}, indent=1, allow_nan=False)
    save_whole(path, lambda stream: stream.write(document.encode()))


def kept_figures(path: Path, settings: Figures, what: Path, remedy: str) -> Figures | None:
    """The figures in that file, None where there is none.

    Raises TrainingError about `what` where the settings were other ones.
    """
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(settings))  # as json holds them: tuples are lists
    if changed := differences(document["settings"], now):
        raise TrainingError(str(what), f"the finished run there has {'; '.join(changed)}", remedy)
    figures: Figures = document["figures"]
    return figures
