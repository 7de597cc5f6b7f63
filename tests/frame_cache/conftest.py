"""Small videos and caches of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import pytest

from deltaclip.errors import DeltaclipError, unforeseen
from deltaclip.frame_cache import CacheSettings, decoding
from deltaclip.frame_cache import write as writing
from deltaclip.pipeline import Job
from tests.helpers import write_square

Key = TypeVar("Key")

SMALL = CacheSettings(num_frames=5, size=64, motion=None)


class _InTurn(nullcontext[Any]):
    """A `Pipeline` without children."""

    def __init__(self, function: Callable[..., Iterator[Any]], workers: int = 1) -> None:
        super().__init__(self)
        self._function = function

    def read(self, jobs: Iterable[Job[Key]]) -> Iterator[tuple[Job[Key], Iterator[Any]]]:
        for job in jobs:
            yield job, self._items(job)

    def _items(self, job: Job[Key]) -> Iterator[Any]:
        try:
            yield from self._function(job.path, *job.args)
        except DeltaclipError:
            raise
        except Exception as error:
            raise unforeseen(str(job.path), error) from error


@pytest.fixture(scope="session")
def _squares(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("squares")
    return {f"video {number}": write_square(folder / f"{number}.mp4", step=number % 3 + 1) for number in range(5)}


@pytest.fixture
def squares(_squares: dict[str, Path]) -> dict[str, Path]:
    """Five videos of a square that moves; a copy of the mapping, the files are shared."""
    return dict(_squares)


@pytest.fixture
def two_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of two videos, so that five make three."""
    monkeypatch.setattr(writing, "VIDEOS_PER_SHARD", 2)


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decodes in this process: starting a child takes longer than reading all these videos."""

    monkeypatch.setattr(decoding, "Pipeline", _InTurn)
