"""Commands in Markdown pages with the output that a page shows for them."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "Shown", "shape", "shown_in"]

PAGES = Path(__file__).parents[2]
"""The folder of README.md and docs."""

NUMBER = re.compile(r"(?<![\w.@])[+-]?\d+(?:[.,:]\d+)*(?!\w)|\b[0-9a-f]{12,16}\b")
PLACE = re.compile(r" on [a-z0-9:]+ \([^)]*\)|(float32|bfloat16) on \S+;")
SPACES = re.compile(r" +")


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a page, as it is typed, and the lines that it prints. A line `...` stands for any lines."""

    command: str
    lines: tuple[str, ...]


def shown_in(page: Path) -> list[Shown]:
    """The commands in the blocks ```console of a page, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            # A command goes on in the next line after a backslash.
            command, *lines = part.replace("\\\n", " ").splitlines()
            found.append(Shown(" ".join(command.split()), tuple(line for line in lines if line)))
    return found


def shape(line: str, home: Path | None = None) -> str:
    """A line without what differs between runs and machines: numbers, digests, the device, and the folder it ran in."""
    text = line.replace(f"{home}", "/home/you") if home else line
    return SPACES.sub(" ", NUMBER.sub("#", PLACE.sub(" on #", text))).strip()
