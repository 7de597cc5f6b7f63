"""float16 rows choose candidates and change no hit: the bound of their error, and the files beside the vectors."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.library import exact, halves
from deltaclip.library.both import AppearanceRows, nearest_of_sound
from deltaclip.library.exact import nearest
from deltaclip.library.halves import Halves, candidates_of_halves, half_bytes, most_error, opened_halves
from deltaclip.library.results import Hit
from deltaclip.library.sqlite import SqliteStore, half_files
from deltaclip.library.sqlite import vectors as vectors_module
from tests.library.store_contract import ENCODER, new_video, unit_rows


def halves_of(rows: NDArray[np.float32], first: int = 0) -> Halves:
    memory = np.frombuffer(half_bytes(rows), np.uint8)
    opened = opened_halves(memory, first, (len(rows), rows.shape[1]), rows.__getitem__)
    assert opened is not None
    return opened


# The bound


@pytest.mark.parametrize("dimension", [1, 3, 8, 512, 1000, 1024])
def test_no_score_is_wrong_by_more_than_the_bound(dimension: int) -> None:
    rows = unit_rows(dimension, 500, dimension)
    rounded_away = np.sign(rows.astype(np.float16).astype(np.float32) - rows)
    worst = rounded_away[:20] / np.float32(np.sqrt(dimension))
    queries = np.concatenate([rows[:20], worst, unit_rows(1, 20, dimension)])
    queries = queries[np.abs(np.linalg.norm(queries, axis=1) - 1) < 1e-3]
    scores, found = halves_of(rows).index.search(queries, 500)
    true = np.take_along_axis(queries.astype(float) @ rows.astype(float).T, found, axis=1)
    assert np.abs(scores - true).max() < most_error(dimension)


def test_the_bound_is_the_rounding_of_eleven_bits_and_a_float32_sum() -> None:
    assert most_error(512) == pytest.approx(2**-11 + 512 * 2**-24, rel=0.01)


def test_numbers_too_small_for_float16_are_within_the_bound() -> None:
    rows = np.full((1, 512), 1e-8, np.float32)  # less than half of its smallest number
    rows[0, 0] = 1
    query = np.full((1, 512), 512**-0.5, np.float32)
    scores, _ = halves_of(rows).index.search(query, 1)
    assert abs(float(scores[0, 0]) - float(rows.astype(float)[0] @ query.astype(float)[0])) < most_error(512)


# The same hits


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 60),
    covered=st.integers(0, 60),
    size=st.integers(1, 20),
    queries=st.integers(1, 9),
    limit=st.integers(1, 70),
    away=st.lists(st.integers(0, 59), max_size=8, unique=True),
    kinds=st.sampled_from([1, 3, 60]),
    distance=st.sampled_from([0.0, 1e-6, 1e-4, 1.0]),
    filtered=st.booleans(),
    found=st.sampled_from([(1, 2), (2, 8), (64, 4096)]),
)
def test_hits_and_scores_are_those_without_float16_to_the_bit(
    seed: int,
    count: int,
    covered: int,
    size: int,
    queries: int,
    limit: int,
    away: list[int],
    kinds: int,
    distance: float,
    filtered: bool,
    found: tuple[int, int],
) -> None:
    random = np.random.default_rng(seed)
    rows = unit_rows(seed, kinds)[random.integers(kinds, size=count)] + distance * random.normal(size=(count, 8))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    asked = unit_rows(seed + 1, queries)
    hidden = [(row, 1) for row in away if row < count]
    wanted = random.random(count) < 0.5 if filtered else None
    spans = np.split(rows, [count // 3])
    edges = range(0, min(covered, count) - size + 1, size)
    parts = [halves_of(rows[first : first + size], first) for first in edges]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halves, "FEWEST_FOUND", found[0])
        patch.setattr(halves, "MOST_FOUND", found[1])
        ours = nearest(spans, asked, limit, hidden, wanted, parts)
    plain = nearest(spans, asked, limit, hidden, wanted)
    assert ours[0].tolist() == plain[0].tolist()
    assert ours[1].tobytes() == plain[1].tobytes()


def test_candidates_are_few_and_ask_again_for_more_if_many_are_close(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.concatenate([unit_rows(0, 1, 512).repeat(200, axis=0), unit_rows(1, 300, 512)])
    parts = [halves_of(rows)]
    with ThreadPoolExecutor(1) as pool:
        close = candidates_of_halves(pool, parts, rows[:1], 10)
        apart = candidates_of_halves(pool, parts, rows[300:301], 1)
        monkeypatch.setattr(halves, "MOST_FOUND", 64)
        cannot_tell = candidates_of_halves(pool, parts, rows[:1], 10)
    assert close is not None
    assert close.tolist() == list(range(200))
    assert apart is not None
    assert apart.tolist() == [300]
    assert cannot_tell is None


def test_a_hit_whose_own_row_is_no_unit_vector_any_more_is_an_error() -> None:
    rows = unit_rows(0, 20)
    parts = [halves_of(rows)]
    damaged = rows.copy()
    damaged[3] = np.nan
    with pytest.raises(ValueError, match="not of unit length"):
        nearest([damaged], rows[3:4], 1, halves=parts)
    ranked, number = nearest_of_sound(AppearanceRows([damaged], rows[3:4], parts), None, 5)
    expected = nearest([rows], rows[3:4], 5, hidden=[(3, 1)])
    assert (number, ranked.rows.tolist(), ranked.scores.tolist()) == (1, *(each.tolist() for each in expected))


def test_many_queries_go_without_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "FEW_QUERIES_OF_HALVES", 0)
    monkeypatch.setattr(exact, "candidates_of_halves", None)
    rows = unit_rows(0, 20)
    assert nearest([rows], rows[3:4], 1, halves=[halves_of(rows)])[0].tolist() == [3]


@pytest.mark.parametrize("value", [np.nan, np.inf, 7])
def test_rows_that_are_no_unit_vectors_are_not_rounded(value: float) -> None:
    rows = unit_rows(0, 3)
    rows[1, 0] = value
    with pytest.raises(ValueError, match="not of unit length"):
        half_bytes(rows)


# A file


@pytest.mark.parametrize("change", ["other rows", "other last row", "other shape", "short", "empty", "garbage"])
def test_a_file_of_different_rows_is_not_opened(change: str) -> None:
    rows = unit_rows(0, 50)
    own, data = rows.copy(), half_bytes(rows)
    if change == "other rows":
        own = unit_rows(1, 50)
    elif change == "other last row":
        own[49] = unit_rows(1, 1)[0]
    elif change == "other shape":
        own = unit_rows(0, 49)
    else:
        data = {"short": data[:-1], "empty": b"", "garbage": b"x" * len(data)}[change]
    memory = np.frombuffer(data, np.uint8)
    assert opened_halves(memory, 0, (len(own), 8), own.__getitem__) is None


def test_an_index_keeps_its_rows_alive() -> None:
    rows = unit_rows(0, 2000, 512)
    index = halves_of(rows).index  # the bytes that it was opened from have no other owner
    others = [np.zeros(rows.size + 40, np.uint16) for _ in range(20)]
    scores, found = index.search(rows[7:8], 1)
    assert (found.tolist(), len(others)) == ([[7]], 20)
    assert scores[0, 0] == pytest.approx(1, abs=most_error(512))


def test_faiss_itself_opens_a_file(tmp_path: Path) -> None:
    import faiss

    rows = unit_rows(0, 50)
    (tmp_path / "rows.faiss").write_bytes(half_bytes(rows))
    index = faiss.read_index(str(tmp_path / "rows.faiss"))
    np.testing.assert_array_equal(index.reconstruct_n(0, 50), rows.astype(np.float16).astype(np.float32))


# Files of a library

SIZE = 6


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_files, "ROWS_OF_A_FILE", SIZE)
    monkeypatch.setattr(half_files, "FEWEST_ROWS", 2 * SIZE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def store(small_files: None, folder: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(folder), create=True)
    with store.writing() as writer:
        writer.remember(ENCODER)
    yield store
    store.close()


def put(store: SqliteStore, *numbers: int) -> None:
    """Videos of four moments."""
    with store.writing() as writer:
        writer.put([new_video(f"{number:02}.mp4", seed=number, count=4) for number in numbers])


def files_in(folder: Path) -> list[str]:
    return sorted(path.name[len("float16-01234567-") :] for path in folder.glob("float16-*"))


def hits_with(store: SqliteStore, num_files: int) -> list[Hit]:
    """What is found, which has to be what is found without the files; so many are used."""
    query = unit_rows(99, 1)
    with pytest.MonkeyPatch.context() as patch:
        used = list[int]()

        def noted(pool: ThreadPoolExecutor, parts: list[Halves], *rest: object) -> object:
            used.append(len(parts))
            return candidates_of_halves(pool, parts, *rest)  # type: ignore[arg-type]

        patch.setattr(exact, "candidates_of_halves", noted)
        hits = store.find(query, 5)
        assert used == ([num_files] if num_files else [])
        patch.setattr(half_files, "FEWEST_ROWS", 10**9)
        assert store.find(query, 5) == hits
    return hits


def test_a_large_library_gets_files_of_full_size_and_a_small_one_none(store: SqliteStore, folder: Path) -> None:
    put(store, 0, 1)
    assert files_in(folder) == []
    hits_with(store, 0)
    put(store, 2, 3)
    assert files_in(folder) == ["000000.faiss", "000001.faiss"]
    hits_with(store, 2)
    with store.writing() as writer:
        writer.delete(store.videos()[:1])
        writer.set_missing(store.videos()[:1], True)
    hits = hits_with(store, 2)
    assert {hit.path.name for hit in hits} <= {"02.mp4", "03.mp4"}


def test_files_that_are_there_are_not_written_again(store: SqliteStore, folder: Path) -> None:
    put(store, 0, 1, 2)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("float16-*")}
    put(store, 3, 4)
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("float16-*")}
    assert (len(before), len(after)) == (2, 3)
    assert before.items() <= after.items()


def test_a_new_file_of_vectors_gets_new_ones_and_the_old_ones_are_deleted(store: SqliteStore, folder: Path) -> None:
    put(store, *range(8))
    before = set(folder.glob("float16-*"))
    with store.writing() as writer:
        writer.delete(store.videos()[:3])  # a third: the rest is copied
    assert files_in(folder) == ["000000.faiss", "000001.faiss", "000002.faiss"]
    assert not before & set(folder.glob("float16-*"))
    hits_with(store, 3)


@pytest.mark.parametrize("change", ["delete", "cut", "empty", "other rows", "garbage"])
def test_a_file_that_does_not_fit_is_not_used_and_made_anew(store: SqliteStore, folder: Path, change: str) -> None:
    put(store, *range(5))
    hits = hits_with(store, 3)
    second = sorted(folder.glob("float16-*"))[1]
    data = second.read_bytes()
    second.unlink()  # and not written to, which no program does
    if change != "delete":
        other = half_bytes(unit_rows(77, SIZE))
        second.write_bytes({"cut": data[:-1], "empty": b"", "other rows": other, "garbage": b"x" * len(data)}[change])
    store.close()
    with_one = SqliteStore.open(str(folder), create=False)
    assert hits_with(with_one, 1) == hits
    put(with_one, 9)
    assert hits_with(with_one, 4)
    assert second.read_bytes() == data
    with_one.close()


def test_a_file_that_is_gone_or_shorter_since_it_was_mapped_is_not_used(store: SqliteStore, folder: Path) -> None:
    put(store, *range(5))
    hits = hits_with(store, 3)
    first, second, _ = sorted(folder.glob("float16-*"))
    os.truncate(second, 100)
    assert hits_with(store, 1) == hits
    first.unlink()
    assert hits_with(store, 0) == hits


def test_verify_tells_of_a_file_with_damage_that_no_sample_shows(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halves, "SAMPLED_ROWS", 2)  # the first and the last
    put(store, *range(5))
    assert list(store.problems()) == []
    second = sorted(folder.glob("float16-*"))[1]
    data = bytearray(second.read_bytes())
    data[-20] ^= 1  # of the last row but one
    second.write_bytes(data)
    assert list(store.problems()) == [
        f"{second.name} does not fit the vectors. Delete it: `deltaclip index` makes it again."
    ]
    second.unlink()
    assert list(store.problems()) == []


def test_what_a_kill_leaves_of_a_file_is_removed_by_the_next_writer(store: SqliteStore, folder: Path) -> None:
    put(store, 0)
    [vectors] = folder.glob("vectors-*")
    part = folder / f"float16-{vectors.stem[len('vectors-') :]}-000000.part"
    part.write_bytes(b"half of it")
    somebodys = folder / "float16-notes.txt"
    somebodys.write_text("mine")
    put(store, 1, 2)
    assert not part.exists()
    assert somebodys.exists()
    hits_with(store, 2)


def test_without_room_the_library_does_without(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = vectors_module._write

    def no_room(opened: object, data: bytes) -> None:
        if Path(opened.name).name.startswith("float16-"):  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, "No space left on device")
        write(opened, data)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(vectors_module, "_write", no_room)
        put(store, *range(5))
    assert files_in(folder) == []
    hits = hits_with(store, 0)
    with store.writing():
        pass
    assert hits_with(store, 3) == hits


def test_a_reader_takes_up_files_that_a_different_process_makes(store: SqliteStore, folder: Path) -> None:
    reader = SqliteStore.open(str(folder), create=False)
    put(store, 0, 1, 2)
    hits_with(reader, 2)
    put(store, 3, 4)
    hits_with(reader, 3)
    reader.close()


def test_faiss_is_imported_only_by_a_search_of_a_large_library(folder: Path, store: SqliteStore) -> None:
    put(store, *range(5))
    code = (
        "import sys, numpy as np, deltaclip.library as d, deltaclip.library.sqlite.half_files as h;"
        "d.Library, d.Filter, d.nearest;"
        "store = d.open_store(sys.argv[1], create=False); query = np.eye(1, 8, dtype=np.float32); store.find(query, 1);"
        "assert 'faiss' not in sys.modules; h.ROWS_OF_A_FILE = h.FEWEST_ROWS = int(sys.argv[2]); store.find(query, 1);"
        "assert 'faiss' in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), str(SIZE)], check=True)
