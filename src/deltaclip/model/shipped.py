"""Writes what is known of a bundled checkpoint beside it: python -m deltaclip.model.shipped FOLDER

Run it whenever a bundled checkpoint, `kept.VERSION` or `known.ModelFacts` change; a test compares.
"""

import json
import sys
from pathlib import Path
from typing import Any

from deltaclip.durable import write_bytes_whole
from deltaclip.model.digest import model_digest, model_facts
from deltaclip.model.files import kept_facts
from deltaclip.model.kept import DIGEST, SHIPPED_FILE, VERSION, hashes_of
from deltaclip.model.known import MODEL_FACTS
from deltaclip.model.loading import load_checkpoint

__all__ = ["shipped_document"]


def shipped_document(folder: Path) -> dict[str, Any]:  # Any: JSON
    """What is known of a checkpoint by the hashes of its files, loaded whole. Raises CheckpointError."""
    checkpoint = load_checkpoint(folder)
    facts = {DIGEST: model_digest(checkpoint.model), MODEL_FACTS: model_facts(checkpoint.model).to_json()}
    files = hashes_of(folder, kept_facts(folder, None).files)
    return {"version": VERSION, "files": files, "facts": facts}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    write_bytes_whole(place / SHIPPED_FILE, (json.dumps(shipped_document(place), indent=2) + "\n").encode())
