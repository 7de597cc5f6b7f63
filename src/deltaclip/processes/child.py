"""Inside the guarded child process: it does one job after the other, and lets the parent see that it goes on."""

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from deltaclip.errors import DeltaclipError, VideoError, unforeseen
from deltaclip.processes.limits import MEMORY_LIMIT_VARIABLE, bound_cpu, bound_memory
from deltaclip.processes.shared import SharedMemory

__all__ = ["is_watched", "once", "own_work", "pulse", "serve"]

Item = TypeVar("Item")

_pulse: Any = None
"""In a child: a number in memory shared with the parent (ctypes.c_uint64), raised at every step of work."""
_own_seconds = 0.0
"""How long this process has spent in `own_work`."""


def pulse() -> None:
    """Tells the parent that work on a file goes on. To be called for every packet and picture; costs nothing."""
    if _pulse is not None:
        _pulse.value += 1


@contextlib.contextmanager
def own_work() -> Iterator[None]:
    """Counts as progress while code of ours, which ends for certain, works on pictures that were decoded.

    Not to be nested: its time is reported to the parent, see `guard.Spent`.
    """
    global _own_seconds
    if _pulse is None:  # in the parent nobody watches
        yield
        return
    begun = time.perf_counter()
    done = threading.Event()

    def keep_pulse() -> None:
        while not done.wait(1.0):
            pulse()

    thread = threading.Thread(target=keep_pulse, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        _own_seconds += time.perf_counter() - begun


def once(function: Callable[..., Item], *args: Any) -> Iterator[Item]:
    """The result of a function as the only item of a stream. function: of a module's top level."""
    yield function(*args)


def is_watched() -> bool:
    """Whether this process is such a child."""
    return _pulse is not None


def serve(
    pipe: Connection, shared_pulse: Any, memory: SharedMemory | None, stderr: Any, memory_bytes: int | None
) -> None:
    """The child's life: the function first, then job after job until the pipe ends.

    shared_pulse: what `pulse` raises; ctypes' shared numbers have no type that one could name.
    memory: for the arrays of items; None sends them through the pipe. stderr: what a `Log` becomes in a child, or None.
    memory_bytes: what jobs may take on top of what the function takes at rest; None sets no limit.
    """
    global _pulse
    _pulse = shared_pulse
    if stderr is not None:
        stderr.take()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    threading.Thread(target=_die_with_parent, daemon=True).start()
    # Read by OpenCV when the function's modules import it: the parent's model needs the other cores.
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
    try:
        function = pickle.loads(pipe.recv())
    except Exception as err:  # noqa: BLE001 - whatever an import raises has to reach the parent
        pipe.send(("error", _portable("guard", err)))
        return
    if memory_bytes is not None:
        bound_memory(memory_bytes)
    pipe.send(("ready", None))
    outbox = _Outbox(pipe, memory)
    while True:
        try:
            outbox.wait_until_taken()
            name, args, cpu_seconds = pipe.recv()
        except EOFError:
            return
        pipe.send(_run(outbox, function, name, args, cpu_seconds))


class _Outbox:
    """Sends items. Their arrays go through the memory, which is free again once the parent has copied them."""

    def __init__(self, pipe: Connection, memory: SharedMemory | None) -> None:
        self._pipe = pipe
        self._memory = memory
        self._is_full = False

    def send(self, item: object) -> None:
        buffers: list[pickle.PickleBuffer] = []
        if self._memory is not None:
            rest = pickle.dumps(item, protocol=5, buffer_callback=buffers.append)
            if buffers:
                self.wait_until_taken()
                sizes = self._memory.put(buffers)
                if sizes is not None:
                    self._is_full = True
                    self._pipe.send(("shared", (rest, sizes)))
                    return
        self._pipe.send(("item", item))

    def send_spent(self, decoding: float, own_work: float) -> None:
        """In seconds: the work of decoders and everything else that is not in `own_work`, and the rest."""
        self._pipe.send(("spent", (decoding, own_work)))

    def wait_until_taken(self) -> None:
        if self._is_full:
            self._pipe.recv()
            self._is_full = False


def _run(
    outbox: _Outbox, function: Callable[..., Iterator[Any]], name: str, args: tuple[Any, ...], cpu_seconds: float
) -> tuple[str, Any]:
    """Sends every item of one job, then how long the work on them took; returns the message that closes the job.

    cpu_seconds: processor time that each item may take.
    """
    busy, own = 0.0, _own_seconds
    closing: tuple[str, Any] = "end", None
    try:
        items = function(*args)
        while True:
            bound_cpu(cpu_seconds)
            begun = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                break
            finally:
                busy += time.perf_counter() - begun
            outbox.send(item)
    except Exception as err:  # noqa: BLE001 - it is raised again in the parent
        closing = "error", _portable(name, err)
    outbox.send_spent(busy - (_own_seconds - own), _own_seconds - own)
    return closing


def _portable(name: str, err: Exception) -> tuple[DeltaclipError, str | None]:
    """The exception as it can travel: our own as they are, others as a VideoError and a note of where it came from."""
    if isinstance(err, DeltaclipError):
        return err, None
    if isinstance(err, MemoryError):
        remedy = f"If the machine has more, set {MEMORY_LIMIT_VARIABLE} to a larger number of MB."
        return VideoError(name, "needs more memory than a file may take", remedy), None
    error = unforeseen(name, err)
    return error, "In the child process:\n" + "".join(traceback.format_exception(err))


def _die_with_parent() -> None:
    """Waits for the parent's end, however it comes, and ends this process even from within a hanging decoder."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
