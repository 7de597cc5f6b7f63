"""`cluster`: a library into Lance tables and back, and what keeps these small."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from deltaclip.library import Library
from tests.cli.calls import Call
from tests.library.fakes import Shelf

installed = pytest.mark.skipif(find_spec("lance") is None, reason="the extra cluster is not installed")
pytestmark = pytest.mark.cluster


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A library with a video that is missing, one that failed, one that is damaged, and one with notes."""
    shelf = Shelf(tmp_path)
    for name, words in (("a.mp4", "a 3"), ("b.mp4", "b 2 damaged"), ("c.mp4", "c 0 damaged"), ("é.mp4", "e 4")):
        shelf.write(name, words)
    gone = shelf.write("gone.mp4", "g 2")
    shelf.library.index([shelf.videos])
    gone.unlink()
    shelf.library.index([shelf.videos])
    assert (shelf.library.status().missing, shelf.library.status().failed) == (1, 2)
    return shelf


def everything(address: object) -> list[object]:
    """All that a library knows, but for ids."""
    with Library.open(str(address)) as library:
        moments = [
            (m.path, m.start, m.end, m.coverage, m.vector.tobytes(), None if m.motion is None else m.motion.tobytes())
            for m in library.moments()
        ]
        rows = [
            (r.path, r.size_bytes, r.sample, r.stamp, r.digest, r.status, r.reason, r.missing, r.num_motion)
            for r in library.videos()
        ]
        vectors = np.stack([moment.vector for moment in library.moments()][:2])
        hits = [(hit.path, hit.start, hit.score) for hit in library.search_vectors(vectors, limit=99)]
        told = library.status(), library.failures(), library.notes(), library.remembered_encoder()
    return [moments, rows, hits, *told]


@installed
def test_a_library_is_the_same_in_lance_tables_and_back_again(shelf: Shelf, deltaclip: Call, tmp_path: Path) -> None:
    there, back = f"lance://{tmp_path / 'tables'}", tmp_path / "back"
    code, report, _ = deltaclip("cluster", "export", there, "--library", shelf.library_path, "--json")
    assert (code, report["videos"], report["failed"], report["missing"]) == (0, 5, 2, 1)
    code, words, _ = deltaclip("cluster", "import", tmp_path / "tables", "--library", back)
    assert (code, words) == (0, f"{back}: 5 videos with 11 moments written, 2 failed, 1 missing\n")
    assert everything(there) == everything(shelf.library_path) == everything(back)
    code, words, _ = deltaclip("cluster", "export", tmp_path / "tables", "--library", shelf.library_path)
    assert words.endswith("0 videos with 0 moments written, 0 failed, 0 missing, 5 kept\n")


@installed
def test_vectors_are_kept_as_halves_if_that_is_asked_for_and_status_says_so(
    shelf: Shelf, deltaclip: Call, tmp_path: Path
) -> None:
    out = f"lance://{tmp_path / 'tables'}"
    assert deltaclip("cluster", "export", out, "--library", shelf.library_path, "--vectors", "float16")[0] == 0
    code, status, _ = deltaclip("status", "--library", out, "--json")
    assert (code, status["vectors"], status["videos"]) == (0, "float16", 3)
    assert ", vectors kept as float16\n" in deltaclip("status", "--library", out)[1]
    assert "kept as" not in deltaclip("status", "--library", shelf.library_path)[1]


@installed
def test_compact_says_what_it_would_do_and_does_it(shelf: Shelf, deltaclip: Call, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    deltaclip("cluster", "export", out, "--library", shelf.library_path)
    code, planned, _ = deltaclip("cluster", "compact", out, "--dry-run", "--keep-hours", "0", "--json")
    assert (code, planned["dry_run"], planned["freed_bytes"], planned["indexed"]) == (0, True, None, 0)
    assert planned["versions"] > 0
    code, words, _ = deltaclip("cluster", "compact", out, "--keep-hours", "0")
    assert code == 0
    assert " files merged, " in words
    code, again, _ = deltaclip("cluster", "compact", out, "--dry-run", "--keep-hours", "0", "--json")
    assert (again["merged"], again["versions"]) == (0, 0)
    assert everything(out) == everything(shelf.library_path)


@installed
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cluster", "compact", "nothing"), 1, "no library there"),
        (("cluster", "import", "nothing", "--library", "new"), 1, "no library there"),
        (("cluster", "export", "lance://a", "--library", "nothing"), 1, "no library there"),
        (("cluster", "compact", "s4://a"), 1, "no kind of library has addresses that begin with s4://"),
        (("cluster", "compact", "a", "--recall", "2"), 2, "give a number of at most 1"),
        (("cluster", "export", "a", "--vectors", "float8"), 2, "'float8' is not one of"),
    ],
)
def test_what_cannot_be_done_is_said(
    deltaclip: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    got, answer, _ = deltaclip(*words, "--json")
    assert got == code
    assert said in answer["error"]["found"]


@installed
def test_a_library_that_is_written_to_is_not_compacted(shelf: Shelf, deltaclip: Call, tmp_path: Path) -> None:
    from deltaclip.library.lance import LanceStore

    out = f"lance://{tmp_path / 'tables'}"
    deltaclip("cluster", "export", out, "--library", shelf.library_path)
    with LanceStore.open(out, create=False).writing():
        code, answer, _ = deltaclip("cluster", "compact", out, "--json")
    assert code == 3
    assert "is writing to it already" in answer["error"]["found"]


def test_without_the_extra_the_remedy_is_its_name(
    deltaclip: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("deltaclip.library.lance") or name == "lance"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lance", None)
    (tmp_path / "tables" / "videos.lance").mkdir(parents=True)
    for words in (("status", "--library", tmp_path / "tables"), ("cluster", "compact", tmp_path / "tables")):
        code, answer, _ = deltaclip(*words, "--json")
        assert (code, answer["error"]["remedy"]) == (1, "Install it with: pip install 'deltaclip[cluster]'")
