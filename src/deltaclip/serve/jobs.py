"""Index jobs: one at a time for each library, in a process of its own; any number of clients may watch one."""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from deltaclip.serve.metrics import JOBS_WAITING
from deltaclip.serve.problems import Problem
from deltaclip.serve.shelf import Served

__all__ = ["IndexJob", "JobState", "Jobs"]

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
MOST_WAITING, MOST_KEPT = 50, 200
STOP_SECONDS = 120.0
"""How long the videos in hand may take when a job is to stop, before its process is ended."""
LONGEST_LINE = 2**20


@dataclass(frozen=True, slots=True)
class IndexJob:
    """What a client is told of a job. seconds: since it began. error: why it failed, for people."""

    id: str
    kind: Literal["index", "retry", "demo"]
    state: JobState
    library: str
    paths: Sequence[str]
    done: int = 0
    total: int = 0
    moments: int = 0
    failed: int = 0
    current: str | None = None
    seconds: float = 0.0
    report: dict[str, int | float] | None = None
    error: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed", "cancelled")


@dataclass(slots=True, eq=False)
class _Run:
    """A job with what drives it."""

    job: IndexJob
    served: Served
    demo: Path | None
    is_cancelled: bool = False
    process: asyncio.subprocess.Process | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    began: float = 0.0


class Jobs:
    """The jobs of a server; its methods are called in the event loop."""

    def __init__(self, encoder: str | None) -> None:
        """encoder: for libraries that are still empty; None for the default."""
        self._encoder = encoder
        self._runs: dict[str, _Run] = {}
        self._lines: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def close(self) -> None:
        """Lets each job finish the videos in hand, and ends it."""
        self._is_closing = True
        for run in self._runs.values():
            self._stop(run)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        for run in self._runs.values():
            if run.process is not None and run.process.returncode is None:
                run.process.kill()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def all(self) -> list[IndexJob]:
        """Newest first."""
        return [run.job for run in reversed(self._runs.values())]

    def job(self, job_id: str) -> IndexJob:
        """Raises Problem."""
        return self._run(job_id).job

    def start(
        self, served: Served, kind: Literal["index", "retry", "demo"], paths: Sequence[Path], demo: Path | None = None
    ) -> IndexJob:
        """Has paths indexed into a library once its jobs before this one are done. Raises Problem if many wait.

        demo: a folder into which the drawn clips are written before.
        """
        waiting = [run for run in self._runs.values() if not run.job.has_ended]
        if len(waiting) >= MOST_WAITING or self._is_closing:
            raise Problem("unavailable", "Too many jobs wait; try again later.", headers={"Retry-After": "60"})
        job = IndexJob(secrets.token_hex(8), kind, "waiting", served.name, [str(path) for path in paths])
        run = self._runs[job.id] = _Run(job, served, demo)
        for old in [each.job.id for each in self._runs.values() if each.job.has_ended][: -MOST_KEPT or None]:
            if len(self._runs) > MOST_KEPT:
                del self._runs[old]
        task = asyncio.create_task(self._work(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        JOBS_WAITING.set(len(waiting) + 1)
        return job

    def cancel(self, job_id: str) -> IndexJob:
        """Ends a job after the videos in hand; one that has ended stays as it is. Raises Problem."""
        run = self._run(job_id)
        self._stop(run)
        return run.job

    async def events(self, job_id: str) -> AsyncIterator[IndexJob]:
        """The job now, and whenever it has changed, up to its end. Raises Problem."""
        run = self._run(job_id)
        told = None
        while told is None or not told.has_ended:
            async with run.changed:
                while run.job is told:
                    await run.changed.wait()
                told = run.job
            yield told

    def _run(self, job_id: str) -> _Run:
        if job_id not in self._runs:
            raise Problem("not_found", f"There is no job {job_id!r}; jobs are forgotten when the server ends.")
        return self._runs[job_id]

    def _stop(self, run: _Run) -> None:
        run.is_cancelled = True
        if run.process is not None and run.process.stdin is not None:
            run.process.stdin.close()

    async def _work(self, run: _Run) -> None:
        line = self._lines.setdefault(run.served.name, asyncio.Lock())
        async with line:
            if run.is_cancelled:
                await self._set(run, state="cancelled")
                return
            run.began = time.monotonic()
            await self._set(run, state="running")
            try:
                await self._index(run)
            except Exception as error:
                await self._set(run, state="failed", error=f"unexpected error: {type(error).__name__}: {error}")
                raise
            finally:
                JOBS_WAITING.set(sum(not each.job.has_ended for each in self._runs.values()))

    async def _index(self, run: _Run) -> None:
        run.process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deltaclip.serve.indexing_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            start_new_session=True,  # Ctrl-C is for the server, which ends its jobs in order
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        told = {"address": str(run.served.address), "encoder": self._encoder, "paths": list(run.job.paths)}
        request = {**told, "demo": None if run.demo is None else str(run.demo)}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        last_words = asyncio.create_task(process.stderr.read())
        if run.is_cancelled:
            process.stdin.close()
        ended = False
        async for row in process.stdout:
            ended = await self._take(run, json.loads(row)) or ended
        code = await process.wait()
        words = (await last_words).decode("utf-8", "backslashreplace").strip().splitlines()
        if not ended:
            error = (
                f"the indexing process ended with {code}{f': {words[-1]}' if words else ''}. Finished videos are kept."
            )
            await self._set(run, state="failed", error=error, current=None)

    async def _take(self, run: _Run, message: dict[str, Any]) -> bool:
        """Keeps what the process tells; returns whether that is its end."""
        if (state := message.get("progress")) is not None:
            counts = {name: state[name] for name in ("done", "total", "failed", "current")}
            await self._set(run, **counts, moments=state["segments"])
            return False
        if (error := message.get("error")) is not None:
            words = f"{error['what']}: {error['found']}. {error['remedy']}"
            await self._set(run, state="failed", error=words, current=None)
            return True
        report = message["report"]
        state = "cancelled" if report["stopped"] else "done"
        await self._set(run, state=state, report=report, current=None)
        return True

    async def _set(self, run: _Run, **values: Any) -> None:
        seconds = time.monotonic() - run.began if run.began else 0.0
        async with run.changed:
            run.job = replace(run.job, **values, seconds=seconds)
            run.changed.notify_all()
