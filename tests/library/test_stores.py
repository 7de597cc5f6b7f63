"""The contract of stores, kept by the one that comes with deltaclip and by one that is a dict."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from deltaclip.library.sqlite import SqliteStore, half_files
from deltaclip.library.store import VideoRow
from tests.library.memory_store import LIBRARIES, MemoryStore
from tests.library.store_contract import DIMENSION, MOTION_DIMENSION, StoreContract


class TestSqliteStore(StoreContract):
    store_class = SqliteStore

    def damage(self, address: str, row: VideoRow, *, motion: bool = False) -> None:
        with closing(sqlite3.connect(Path(address) / "library.sqlite")) as db:
            [(first,)] = db.execute("SELECT first_row FROM videos WHERE id = ?", (row.id,))
            key = "motion_file" if motion else "vectors_file"
            [(file,)] = db.execute("SELECT value FROM meta WHERE key = ?", (key,))
        dimension = MOTION_DIMENSION if motion else DIMENSION
        vectors = np.memmap(Path(address) / file, "<f4", "r+").reshape(-1, dimension)
        vectors[first, 3] += 0.25


class TestSqliteStoreWithHalves(TestSqliteStore):
    """The same with a float16 file for every three moments, as a large library has one for every 32,768."""

    @pytest.fixture(autouse=True)
    def small_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(half_files, "ROWS_OF_A_FILE", 3)
        monkeypatch.setattr(half_files, "FEWEST_ROWS", 3)


class TestMemoryStore(StoreContract):
    store_class = MemoryStore

    def damage(self, address: str, row: VideoRow, *, motion: bool = False) -> None:
        moment = LIBRARIES[address].videos[row.path].moments[0]
        vector = moment.motion if motion else moment.vector
        assert vector is not None
        vector[3] += 0.25
