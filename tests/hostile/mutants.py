"""Files that were damaged in every way that a bad disk, a broken download or a hostile hand may damage them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

__all__ = ["mutants_of", "write_mutants"]

STEPS = 16
BLOCKS, FLIPS = 3, 3
BLOCK_BYTES = (1, 16, 512, 4096)


def mutants_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """What was done, and the bytes: cut off at each sixteenth, blocks of zeros, bits turned around. Always the same."""
    whole = path.read_bytes()
    random = np.random.default_rng(len(whole))
    for step in range(1, STEPS):
        yield f"cut{step}", whole[: len(whole) * step // STEPS]
    if not whole:
        return
    for number in range(BLOCKS):
        size = int(random.choice(BLOCK_BYTES))
        start = int(random.integers(len(whole)))
        yield f"zeros{number}", whole[:start] + bytes(len(whole[start : start + size])) + whole[start + size :]
    for number in range(FLIPS):
        bits = np.unpackbits(np.frombuffer(whole, np.uint8))
        # Headers first: most of what goes wrong is decided there.
        end = len(bits) if number else min(len(bits), 8 * 512)
        bits[random.integers(end, size=1 + 10 * number)] ^= 1
        yield f"flips{number}", np.packbits(bits).tobytes()


def write_mutants(paths: Sequence[Path], folder: Path, count: int | None = None) -> list[Path]:
    """Writes all mutants of these files, or `count` spread evenly over them, and returns where they are."""
    listed = [(path, what, data) for path in paths for what, data in mutants_of(path)]
    if count is not None:
        listed = [listed[number * len(listed) // count] for number in range(count)]
    written = []
    for number, (path, what, data) in enumerate(listed):
        written.append(folder / f"{number:04}-{what}-{path.name}")
        written[-1].write_bytes(data)
    return written
