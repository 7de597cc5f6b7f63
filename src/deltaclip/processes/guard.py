"""A child process that is watched: decoders of strangers' files may crash or hang, and must not take us along."""

import contextlib
import ctypes
import math
import multiprocessing
import multiprocessing.sharedctypes
import os
import pickle
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from deltaclip.errors import DeltaclipError, VideoError
from deltaclip.processes.child import serve
from deltaclip.processes.shared import SharedMemory

__all__ = ["STALL_LIMIT_VARIABLE", "Guard", "Spent", "unnamed_main"]

Item = TypeVar("Item")

_STARTING = threading.Lock()
"""Held while a child is started: several threads may each have a guard, and what is hidden meanwhile is everybody's."""

START_SECONDS = 60.0
"""How long a fresh child may take to start and to import what the function needs; a cold disk is slow."""

STALL_SECONDS = 20.0
"""How long a decoder may make no progress: not one packet read, not one picture decoded. Only what hangs does."""
BYTES_A_SECOND = 20 * 2**20
"""Such a step may read the whole file, as seeking does in one without an index: the slowest disk that we wait for."""
MOST_STEPS = 30
"""How many times as long one item may take in all: a broken file may make a decoder go round for ever."""

STALL_LIMIT_VARIABLE = "DELTACLIP_STALL_LIMIT"
"""The environment variable that sets another STALL_SECONDS."""


@dataclass(slots=True)
class Spent:
    """Seconds that a child has worked on jobs which it ended by itself; waiting for the consumer does not count.

    own_work: inside `own_work`. decoding: everywhere else.
    """

    decoding: float = 0.0
    own_work: float = 0.0


class Guard(Generic[Item]):
    """Runs a generator function in a spawned child process, and ends the child if it makes no progress.

        with Guard(read_clips) as guard:
            for clip in guard.stream(path, path, spec):
                ...

    How long a healthy file takes nobody knows before: a second of 5K video decodes in many. So the child may take
    as long as it makes progress (`pulse`), and is given up when it makes none for `stall_seconds` and the time that a
    slow disk needs for the file, or when an item takes MOST_STEPS times as long as that.

    The child serves one file after the other. One that crashes, hangs or is left in the middle is ended and
    replaced, so nothing of one file can show up in the next. It works at most two items ahead of the consumer: one in
    shared memory, one that waits for it. Spawned, not forked: the fork of a process with threads (PyTorch's) may
    deadlock.
    """

    def __init__(self, function: Callable[..., Iterator[Item]], stall_seconds: float | None = None) -> None:
        """function: of a module's top level, so that the child finds it.

        stall_seconds: how long it may make no progress; None takes DELTACLIP_STALL_LIMIT, else STALL_SECONDS.
        Raises ValueError if that variable holds no positive number.
        """
        self._function = pickle.dumps(function)
        self._stall_seconds = _chosen_stall_seconds() if stall_seconds is None else stall_seconds
        # Not locked: one process writes, and a child that is killed would keep the lock.
        self._pulse = multiprocessing.sharedctypes.RawValue(ctypes.c_uint64, 0)
        self._child: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._memory: SharedMemory | None = None
        self._open_stream = 0
        self._num_streams = 0
        self.spent = Spent()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child, and a stream that is still open. A later stream starts a fresh one."""
        child, pipe, memory = self._child, self._pipe, self._memory
        self._child, self._pipe, self._memory, self._open_stream = None, None, None, 0
        if pipe is not None:
            pipe.close()
        if child is not None:
            child.kill()
            child.join()
            child.close()
        if memory is not None:
            memory.close()

    def kill(self) -> None:
        """Ends the child at once, from any thread; the thread that reads a stream gets a VideoError."""
        child = self._child
        if child is not None:
            with contextlib.suppress(ValueError, AttributeError):  # closed at this very moment
                child.kill()

    def stream(self, name: str, *args: Any) -> Iterator[Item]:
        """Yields the items of `function(*args)`. A stream left open before is ended.

        name: what errors call the work in hand: the path of the file, whose size says how long it may take to read.
        args: anything that can be pickled. A DeltaclipError of the function is raised as it is; other exceptions, a
        crash of the child and a standstill are VideoErrors.
        """
        if self._open_stream:
            self.close()
        self._num_streams += 1
        serial = self._open_stream = self._num_streams
        try:
            limit = self._stall_seconds + _size_bytes(name) / BYTES_A_SECOND
            self._begin(name, args)
            while (message := self._receive(name, limit))[0] in ("item", "spent"):
                if message[0] == "spent":
                    self.spent.decoding += message[1][0]
                    self.spent.own_work += message[1][1]
                    continue
                yield message[1]
                if self._open_stream != serial:
                    raise ValueError(f"{name}: this stream was ended by a later one, or by close()")
            self._open_stream = 0
            if message[0] == "error":
                raise _noted(*message[1])
        finally:
            if self._open_stream == serial:
                self.close()

    def _begin(self, name: str, args: tuple[Any, ...]) -> None:
        """Hands a job to the child, a fresh one if there is none or if it died while it was idle."""
        if self._child is not None and not self._child.is_alive():
            self.close()
            self._open_stream = self._num_streams
        if self._child is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._memory = SharedMemory.reserved()
            given = (theirs, self._pulse, self._memory)
            child = context.Process(target=serve, args=given, name="deltaclip-guard", daemon=True)
            try:
                with unnamed_main():
                    child.start()
            except OSError as err:
                theirs.close()
                self.close()
                raise _not_started(name, err.strerror or str(err)) from err
            self._child = child
            theirs.close()  # so that the end of the child is the end of the pipe
            self._send(self._function)
            kind, value = self._receive(name, START_SECONDS, is_started=False)
            if kind == "error":
                raise _noted(*value)
        self._send((name, args))

    def _send(self, message: object) -> None:
        assert self._pipe is not None
        with contextlib.suppress(ConnectionError):  # the child has died: _receive, which comes next, says how
            self._pipe.send(message)

    def _receive(self, name: str, stall_seconds: float, *, is_started: bool = True) -> tuple[str, Any]:
        """The child's next message.

        ("ready", None), ("item", item), ("spent", (seconds, seconds)), ("end", None) or ("error", (exception, note)).
        """
        assert self._pipe is not None
        assert self._child is not None
        begun = seen_at = time.monotonic()
        seen = self._pulse.value
        while not wait([self._pipe, self._child.sentinel], min(stall_seconds, 1.0)):
            now = time.monotonic()
            if self._pulse.value != seen:
                seen, seen_at = self._pulse.value, now
            if now - seen_at >= stall_seconds:
                raise _given_up(name, f"no progress for {stall_seconds:.3g} s", stall_seconds)
            if now - begun >= MOST_STEPS * stall_seconds:
                raise _given_up(name, f"not done after {now - begun:.0f} s", stall_seconds)
        try:
            # What a dying child still said comes first; its death is the end of the pipe.
            message: tuple[str, Any] = self._pipe.recv()
        except (EOFError, ConnectionResetError) as err:
            self._child.join(START_SECONDS)
            cause = _cause_of_death(self._child.exitcode)
            if not is_started:
                raise _not_started(name, cause) from err
            raise VideoError(
                name,
                f"the process that read it died ({cause})",
                "Leave the file out, or give the machine more memory if that was missing.",
            ) from err
        if message[0] == "shared":
            assert self._memory is not None
            rest, sizes = message[1]
            message = "item", pickle.loads(rest, buffers=self._memory.take(sizes))
            self._send(None)  # the memory is free again
        return message


def _chosen_stall_seconds() -> float:
    """STALL_SECONDS, unless the environment names another number."""
    text = os.environ.get(STALL_LIMIT_VARIABLE, "")
    if not text:
        return STALL_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{STALL_LIMIT_VARIABLE} is {text!r}: give a positive number of seconds")
    return seconds


def _size_bytes(name: str) -> int:
    """The size of the file of that name; 0 if it is none: whoever opens it says why."""
    try:
        return os.path.getsize(name)
    except (OSError, ValueError):
        return 0


def _not_started(name: str, why: str) -> VideoError:
    remedy = "Close other programs, or give the machine more memory, and run the same command again."
    return VideoError(name, f"the process that reads files could not be started ({why})", remedy)


def _given_up(name: str, found: str, stall_seconds: float) -> VideoError:
    more = math.ceil(3 * stall_seconds)
    remedy = f"If a player shows it, try again with --stall-limit {more} (or {STALL_LIMIT_VARIABLE}={more})."
    return VideoError(name, f"{found}, given up", remedy)


@contextlib.contextmanager
def unnamed_main() -> Iterator[None]:
    """Hides the caller's script while a child is started; one thread at a time.

    multiprocessing makes a spawned child run that script again, for functions that might live in it. Ours never do,
    and a script of five lines without `if __name__ == "__main__"` would index its videos a second time in there.
    """
    with _STARTING:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


def _cause_of_death(exit_code: int | None) -> str:
    """Words for a child's exit code: negative ones are signals."""
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _noted(error: DeltaclipError, note: str | None) -> DeltaclipError:
    """The exception with the child's traceback for those who debug."""
    if note is not None:
        error.add_note(note)
    return error
