"""A server in a process of its own, as people start it."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

START = "from deltaclip.cli import main; main()"


@dataclass
class LiveServer:
    """Use as a context manager: it is ended in order. url: as it printed it."""

    url: str
    process: "subprocess.Popen[str]"

    @classmethod
    def over(cls, library: Path, *options: str, more: Sequence[Path] = ()) -> Self:
        """Serves one library, or more, with these options."""
        chosen = [word for each in (library, *more) for word in ("--library", str(each))]
        command = [sys.executable, "-c", START, "serve", *chosen, "--port", "0", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url.startswith("http"):
            process.kill()
            raise AssertionError(f"the server printed {url!r} and no address")
        return cls(url, process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> int:
        """Ends it as Ctrl-C does; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
