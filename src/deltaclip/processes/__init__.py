"""Child processes that are watched, end with their parent, and may crash or hang without taking it along."""

from deltaclip.processes.child import is_watched, once, own_work, pulse
from deltaclip.processes.guard import Guard, Spent, unnamed_main
from deltaclip.processes.limits import STALL_LIMIT_VARIABLE, usable_cores

__all__ = [
    "STALL_LIMIT_VARIABLE",
    "Guard",
    "Spent",
    "is_watched",
    "once",
    "own_work",
    "pulse",
    "unnamed_main",
    "usable_cores",
]
