"""Nodes of Ray on this machine, a run over them, and what of it is killed. Also for bench/cluster_kills.py."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from deltaclip.video import write_mp4

__all__ = ["DEADLY", "Nodes", "ended", "wait_until", "write_clips"]

NODE = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 200_000_000}
DEADLY = "deadly"
"""Begins the name of a file whose decoder dies on these nodes."""
_KILLER = f"""
import sys
if any("spawn_main" in word for word in sys.orig_argv):  # a guarded child
    import os, signal
    import deltaclip.reader.reading as reading

    class Deadly(reading.Video):
        @classmethod
        def open(cls, path, *given, **named):
            if path.name.startswith("{DEADLY}"):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().open(path, *given, **named)

    reading.Video = Deadly
"""


def write_clips(folder: Path, count: int) -> list[Path]:
    """Clips of 1 s, each with a square on its own way over its own noise."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        draw = np.random.default_rng(number)
        frames = np.repeat(draw.integers(0, 90, (1, 64, 64, 3), np.uint8), 12, axis=0)
        top, left, colour = draw.integers(0, 30, 2), draw.integers(-2, 3, 2), draw.integers(120, 256, 3)
        for step, frame in enumerate(frames):
            y, x = np.clip(top + 12 + left * step, 0, 48)
            frame[y : y + 14, x : x + 14] = colour
        made.append(folder / f"clip {number:03d}.mp4")
        write_mp4(made[-1], frames, 12)
    return made


class Nodes:
    """A head and a second node, with two CPUs each. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        """folder: for their temporary files, and what makes decoders die."""
        self._folder = folder
        self._cluster: Any = None  # of Ray's, which ships no types for it
        self._second: Any = None

    def __enter__(self) -> Self:
        from ray.cluster_utils import Cluster

        (self._folder / "sitecustomize.py").write_text(_KILLER)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(self._folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._cluster = Cluster(initialize_head=True, head_node_args=NODE)
        self._second = self._cluster.add_node(**NODE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cluster.shutdown()
        _, _, before = os.environ["PYTHONPATH"].partition(os.pathsep)
        os.environ["PYTHONPATH"] = before

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return str(self._cluster.address)

    def index(self, *uris: object, store: object, encoder: str = "shapes") -> "subprocess.Popen[str]":
        """Starts a run over these nodes."""
        words = ["cluster", "index", *map(str, uris), "--store", str(store), "--encoder", encoder, "--json"]
        program = [sys.executable, "-m", "deltaclip", *words, "--ray", self.address]
        return subprocess.Popen(program, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def kill_worker(self, name: str, run: "subprocess.Popen[str]") -> bool:
        """Kills a process that is at work on `name`, as soon as there is one; False if the run has ended before."""
        while run.poll() is None:
            for pid in _below(os.getpid()):
                if _title(pid).startswith(f"ray::{name}"):
                    os.kill(pid, signal.SIGKILL)
                    return True
            time.sleep(0.02)
        return False

    def kill_node(self) -> None:
        """Kills the second node, and adds a new one in its place."""
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = self._cluster.add_node(**NODE)


def ended(run: "subprocess.Popen[str]") -> dict[str, Any]:
    """What a run printed, once it has ended."""
    told, complaints = run.communicate(timeout=300)
    assert told, complaints
    answer: dict[str, Any] = json.loads(told)
    return answer


def wait_until(happened: Callable[[], bool], run: "subprocess.Popen[str]") -> bool:
    """Until something has happened; False if the run has ended before."""
    while run.poll() is None:
        if happened():
            return True
        time.sleep(0.1)
    return False


def _below(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that these have."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    unseen = [pid]
    while unseen:
        for child in children.get(unseen.pop(), []):
            yield child
            unseen.append(child)


def _title(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text().strip("\0")
    except OSError:
        return ""
