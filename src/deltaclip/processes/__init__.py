"""Child processes that are watched, end with their parent, and may crash or hang without taking it along."""

from deltaclip.processes.child import once, own_work, pulse
from deltaclip.processes.guard import STALL_LIMIT_VARIABLE, Guard, Spent, unnamed_main

__all__ = ["STALL_LIMIT_VARIABLE", "Guard", "Spent", "once", "own_work", "pulse", "unnamed_main"]
