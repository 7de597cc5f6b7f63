"""Small videos and caches of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deltaclip.training.cache import CacheSettings, decoding
from deltaclip.training.cache import write as writing
from tests.helpers import write_square

SMALL = CacheSettings(num_frames=5, size=64, motion=None)


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

    @contextmanager
    def unguarded() -> Iterator[Callable[..., Any]]:
        yield lambda function, *args: function(*args)

    monkeypatch.setattr(decoding, "guarded_calls", unguarded)
