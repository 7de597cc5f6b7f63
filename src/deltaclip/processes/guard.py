"""A child process that is watched: decoders of strangers' files may crash or hang, and must not take us along."""

import contextlib
import ctypes
import multiprocessing
import multiprocessing.sharedctypes
import os
import pickle
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from deltaclip.errors import DeltaclipError, VideoError
from deltaclip.processes.child import serve
from deltaclip.processes.limits import (
    BYTES_A_SECOND,
    FILES_PER_CHILD,
    MOST_STEPS,
    chosen_memory_bytes,
    chosen_stall_seconds,
    size_bytes,
)
from deltaclip.processes.log import Log
from deltaclip.processes.shared import SharedMemory
from deltaclip.processes.verdicts import cause_of_death, died, given_up, not_started, noted

__all__ = ["Guard", "Spent", "unnamed_main"]

Item = TypeVar("Item")

_STARTING = threading.Lock()
"""Held while a child is started: several threads may each have a guard, and what is hidden meanwhile is everybody's."""

START_SECONDS = 60.0
"""How long a fresh child may take to start and to import what the function needs; a cold disk is slow."""


@dataclass(slots=True)
class Spent:
    """Seconds that a child has worked on jobs which it ended by itself; waiting for the consumer does not count.

    own_work: inside `own_work`. decoding: everywhere else.
    """

    decoding: float = 0.0
    own_work: float = 0.0


class _ChildDiedError(Exception):
    """A child ended in the middle of a job. of_file: what is said of the file if that happens again."""

    def __init__(self, of_file: DeltaclipError) -> None:
        super().__init__(str(of_file))
        self.of_file = of_file


class Guard(Generic[Item]):
    """Runs a generator function in a spawned child process, and ends the child if it makes no progress.

        with Guard(read_clips) as guard:
            for clip in guard.stream(path, path, spec):
                ...

    How long a healthy file takes nobody knows before: a second of 5K video decodes in many. So the child may take
    as long as it makes progress (`pulse`), and is given up when it makes none for `stall_seconds` and the time that a
    slow disk needs for the file, or when an item takes MOST_STEPS times as long as that.

    The child serves one file after the other. One that crashes, hangs or is left in the middle is ended and
    replaced, so nothing of one file can show up in the next; so is one that has served FILES_PER_CHILD. After a crash
    the file is begun once more, in case an earlier one or the machine was to blame: only one that ends two children
    has failed. The child works at most two items ahead of the consumer: one in shared memory, one that waits for it.
    Spawned, not forked: the fork of a process with threads (PyTorch's) may deadlock.

    What it may use up is limited as well: memory, and as much processor time for an item as that may take in all.
    """

    def __init__(
        self,
        function: Callable[..., Iterator[Item]],
        stall_seconds: float | None = None,
        *,
        bounds_memory: bool = True,
    ) -> None:
        """function: of a module's top level, so that the child finds it; of equal arguments it gives equal items.

        stall_seconds: how long it may make no progress; None takes DELTACLIP_STALL_LIMIT, else STALL_SECONDS.
        bounds_memory: whether a job may take no more than DELTACLIP_MEMORY_LIMIT, else `limits.MEMORY_BYTES`.
        Raises ValueError or DeltaclipError if such a variable holds no positive number.
        """
        self._function = pickle.dumps(function)
        self._stall_seconds = chosen_stall_seconds() if stall_seconds is None else stall_seconds
        self._memory_bytes = chosen_memory_bytes() if bounds_memory else None
        # Not locked: one process writes, and a child that is killed would keep the lock.
        self._pulse = multiprocessing.sharedctypes.RawValue(ctypes.c_uint64, 0)
        self._child: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._memory: SharedMemory | None = None
        self._log: Log | None = None
        self._num_served = 0
        self._was_killed = False
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
        child, pipe, memory, log = self._child, self._pipe, self._memory, self._log
        self._child, self._pipe, self._memory, self._log, self._open_stream = None, None, None, None, 0
        if pipe is not None:
            pipe.close()
        if child is not None:
            child.kill()
            child.join()
            child.close()
        for each in (memory, log):
            if each is not None:
                each.close()

    def kill(self) -> None:
        """Ends the child at once, from any thread; the thread that reads a stream gets a VideoError."""
        child = self._child
        self._was_killed = True
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
        self._was_killed = False
        try:
            limit = self._stall_seconds + size_bytes(name) / BYTES_A_SECOND
            taken = 0
            try:
                for item in self._items(name, args, limit, serial):
                    taken += 1
                    yield item
            except _ChildDiedError as died:
                if self._was_killed:
                    raise died.of_file from died
                self.close()
                self._open_stream = serial
                try:
                    yield from islice(self._items(name, args, limit, serial), taken, None)
                except _ChildDiedError as again:
                    raise again.of_file from again
        finally:
            if self._open_stream == serial:
                self.close()

    def _items(self, name: str, args: tuple[Any, ...], limit: float, serial: int) -> Iterator[Item]:
        """The items of one job, in a child that takes at most `limit` seconds for a step. Raises _ChildDiedError."""
        self._begin(name, args, limit)
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
            error, note = message[1]
            raise noted(self._with_log(error), note)

    def _begin(self, name: str, args: tuple[Any, ...], limit: float) -> None:
        """Hands a job to the child, a fresh one if there is none, if it died while it was idle or has served enough."""
        if self._child is not None and (not self._child.is_alive() or self._num_served >= FILES_PER_CHILD):
            self.close()
            self._open_stream = self._num_streams
        if self._child is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._memory = SharedMemory.reserved()
            self._log = Log() if os.name == "posix" else None
            self._num_served = 0
            given = (theirs, self._pulse, self._memory, self._log, self._memory_bytes)
            child = context.Process(target=serve, args=given, name="deltaclip-guard", daemon=True)
            try:
                with unnamed_main():
                    child.start()
            except OSError as err:
                theirs.close()
                self.close()
                raise not_started(name, err.strerror or str(err)) from err
            self._child = child
            theirs.close()  # so that the end of the child is the end of the pipe
            if self._log is not None:
                self._log.leave()
            self._send(self._function)
            kind, value = self._receive(name, START_SECONDS, is_started=False)
            if kind == "error":
                raise noted(*value)
        self._num_served += 1
        if self._log is not None:
            self._log.clear()
        self._send((name, args, MOST_STEPS * limit))

    def _with_log(self, error: DeltaclipError) -> DeltaclipError:
        """The error with what the child wrote to stderr last, if it is of a file."""
        if self._log is None or not isinstance(error, VideoError):
            return error
        self._log.read()
        return error.with_log(self._log.last())

    def _send(self, message: object) -> None:
        assert self._pipe is not None
        with contextlib.suppress(ConnectionError):  # the child has died: _receive, which comes next, says how
            self._pipe.send(message)

    def _receive(self, name: str, stall_seconds: float, *, is_started: bool = True) -> tuple[str, Any]:
        """The child's next message.

        ("ready", None), ("item", item), ("spent", (seconds, seconds)), ("end", None) or ("error", (exception, note)).
        Raises VideoError for a standstill, _ChildDiedError.
        """
        assert self._pipe is not None
        assert self._child is not None
        begun = seen_at = time.monotonic()
        seen = self._pulse.value
        log, is_open = self._log, self._log is not None
        while True:
            sources: list[Any] = [self._pipe, self._child.sentinel, *([log.fileno()] if log and is_open else [])]
            ready = wait(sources, min(stall_seconds, 1.0))
            if log is not None and log.fileno() in ready:
                is_open = log.read()
            if self._pipe in ready or self._child.sentinel in ready:
                break
            now = time.monotonic()
            if self._pulse.value != seen:
                seen, seen_at = self._pulse.value, now
            if now - seen_at >= stall_seconds:
                raise self._with_log(given_up(name, f"no progress for {stall_seconds:.3g} s", stall_seconds))
            if now - begun >= MOST_STEPS * stall_seconds:
                raise self._with_log(given_up(name, f"not done after {now - begun:.0f} s", stall_seconds))
        try:
            # What a dying child still said comes first; its death is the end of the pipe.
            message: tuple[str, Any] = self._pipe.recv()
        except (EOFError, ConnectionResetError) as err:
            self._child.join(START_SECONDS)
            cause = cause_of_death(self._child.exitcode)
            if not is_started:
                raise not_started(name, cause) from err
            raise _ChildDiedError(self._with_log(died(name, cause))) from err
        if message[0] == "shared":
            assert self._memory is not None
            rest, sizes = message[1]
            message = "item", pickle.loads(rest, buffers=self._memory.take(sizes))
            self._send(None)  # the memory is free again
        return message


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
