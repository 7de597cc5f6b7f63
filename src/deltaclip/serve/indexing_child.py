"""An index run of a server, in a process of its own that gives way to everything else on the machine.

`python -m deltaclip.serve.indexing_child` reads one JSON object from stdin, writes one a line to stdout, and ends after
the videos that are read when its stdin is closed: by the server, or by its death.
"""

import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deltaclip.encoder import DEFAULT_ENCODER, Encoder
from deltaclip.errors import DeltaclipError
from deltaclip.library import IndexProgress, IndexReport, Library, StopIndexing
from deltaclip.shapes import draw_demo

__all__ = ["main"]

NICE = 10
COUNTS = (
    "seen",
    "indexed",
    "unchanged",
    "failed",
    "segments",
    "new",
    "recognised",
    "seconds",
    "missing",
    "returned",
    "measured",
)
"""Of a report, what a client is told."""


def main() -> None:
    """Runs the job that stdin describes: address, encoder (a name or None), paths, demo (a folder to draw into)."""
    job = json.loads(sys.stdin.readline())
    if hasattr(os, "nice"):
        os.nice(NICE)
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    try:
        _tell({"report": _counts(_run(job, stop))})
    except DeltaclipError as error:
        _tell({"error": {"what": error.what, "found": error.found, "remedy": error.remedy}})


def _run(job: dict[str, Any], stop: threading.Event) -> IndexReport:
    if job["demo"]:
        draw_demo(Path(job["demo"]))

    def progress(state: IndexProgress) -> None:
        told = asdict(state)
        told["current"] = None if state.current is None else str(state.current)
        _tell({"progress": told})
        if stop.is_set() and state.current is not None:
            raise StopIndexing

    with Library.open(job["address"], _encoder(job), create=True) as library:
        return library.index(job["paths"], progress)


def _encoder(job: dict[str, Any]) -> Encoder | None:
    """The encoder of that name; None for the library's own, which its vectors need."""
    if Library.exists(job["address"]):
        with Library.open(job["address"]) as library:
            if library.remembered_encoder() is not None:
                return None
    if job["demo"] is not None:
        return Encoder.load("shapes")  # others say little of drawn clips, and have to be fetched
    return Encoder.load(job["encoder"] or DEFAULT_ENCODER)


def _counts(report: IndexReport) -> dict[str, Any]:
    return {name: getattr(report, name) for name in COUNTS} | {"stopped": int(report.stopped)}


def _tell(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201 - the pipe to the server


def _wait_for_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    main()
