"""From a hub name to a folder on disk, with huggingface_hub's habits: its cache, its token, HF_HUB_OFFLINE.

It is imported when a name is looked up: folders and bundled encoders need not wait for it.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaclip.errors import CheckpointError

__all__ = ["cached_folder", "fetch", "is_hub_name"]

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
FILE_SUFFIXES = (".pt", ".pth", ".bin", ".safetensors", ".npz", ".json", ".txt", ".gz")
ELSE = "or give --encoder FOLDER with a checkpoint you have, or --encoder shapes (small, comes with deltaclip)"


def is_hub_name(name: str) -> bool:
    """Whether a name has the form owner/model, is no path here, and does not look like a mistyped one of a file."""
    return HUB_NAME.fullmatch(name) is not None and not Path(name).exists() and not name.endswith(FILE_SUFFIXES)


def fetch(name: str, needed: tuple[str | tuple[str, ...], ...], wanted: tuple[str, ...]) -> Path:
    """The folder of one snapshot of a hub model, fetched as far as it is not in the cache.

    needed: files that must be there; of an inner tuple the first that exists. wanted: files taken along if they exist.
    Raises CheckpointError if the model cannot be had, and says what to do.
    """
    with _quiet():
        folder: Path | None = None
        for choice in needed:
            choices = (choice,) if isinstance(choice, str) else choice
            found = next((path for file in choices if (path := _fetch_file(name, file, folder))), None)
            if found is None:
                raise _not_here(name, " or ".join(choices))
            folder = found.parent
        for file in wanted:
            _fetch_file(name, file, folder)
    if folder is None:
        raise ValueError("needed must name a file")
    return folder


def cached_folder(name: str, file: str) -> Path | None:
    """The folder of the snapshot of a hub model that is in the cache and holds that file; None if there is none."""
    if not is_hub_name(name):
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, file)
    return Path(found).parent if isinstance(found, str) else None


def _fetch_file(name: str, file: str, snapshot: Path | None) -> Path | None:
    """One file of a model from the cache or the hub, or None if it has none such (or offline, not in the cache)."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        # The later files come from the same commit as the first, whose folder is named after it.
        return Path(hf_hub_download(name, file, revision=snapshot.name if snapshot else None))
    except (EntryNotFoundError, LocalEntryNotFoundError):
        return None
    except GatedRepoError as err:
        remedy = f"Accept its terms on its page, run `hf auth login`, {ELSE}."
        raise CheckpointError(name, "the hub gives it only to people who accepted its terms", remedy) from err
    except RepositoryNotFoundError as err:
        remedy = f"Check the spelling (owner/model), run `hf auth login` if it is private, {ELSE}."
        raise CheckpointError(name, "neither a folder here nor a model the hub knows", remedy) from err
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as err:
        first_line = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
        raise CheckpointError(name, f"cannot be fetched from the hub ({first_line})", _remedy(name)) from err


def _not_here(name: str, file: str) -> CheckpointError:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        found = f"no copy of its {file} in the cache, and HF_HUB_OFFLINE forbids fetching it"
    else:
        found = f"no {file} in the cache, and the hub does not give one (is the network up?)"
    return CheckpointError(name, found, _remedy(name))


def _remedy(name: str) -> str:
    return f"With a network connection, run once: `HF_HUB_OFFLINE=0 hf download {name}`; {ELSE}."


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no warnings of huggingface_hub inside, and its settings restored after."""
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown, verbosity = not are_progress_bars_disabled(), hub_logging.get_verbosity()
    disable_progress_bars()
    hub_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        hub_logging.set_verbosity(verbosity)
        if shown:
            enable_progress_bars()
