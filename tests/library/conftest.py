"""A shelf of fake videos and its library, for the tests of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.fakes import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.library.close()
