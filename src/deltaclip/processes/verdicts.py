"""What is said of a file whose child did not end its job."""

import math
import signal

from deltaclip.errors import DeltaclipError, VideoError
from deltaclip.processes.limits import STALL_LIMIT_VARIABLE

__all__ = ["cause_of_death", "died", "given_up", "not_started", "noted"]


def not_started(name: str, why: str) -> VideoError:
    remedy = "Close other programs, or give the machine more memory, and run the same command again."
    return VideoError(name, f"the process that reads files could not be started ({why})", remedy)


def died(name: str, cause: str) -> VideoError:
    return VideoError(
        name,
        f"the process that read it died twice ({cause})",
        "Leave the file out, or give the machine more memory if that was missing.",
    )


def given_up(name: str, found: str, stall_seconds: float) -> VideoError:
    more = math.ceil(3 * stall_seconds)
    remedy = f"If a player shows it, try again with --stall-limit {more} (or {STALL_LIMIT_VARIABLE}={more})."
    return VideoError(name, f"{found}, given up", remedy)


def cause_of_death(exit_code: int | None) -> str:
    """Words for a child's exit code: negative ones are signals."""
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def noted(error: DeltaclipError, note: str | None) -> DeltaclipError:
    """The exception with the child's traceback for those who debug."""
    if note is not None:
        error.add_note(note)
    return error
