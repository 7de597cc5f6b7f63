"""Whole runs over two nodes of this machine, with and without somebody who kills what is at work."""

import signal
from pathlib import Path

import numpy as np
import pytest

from deltaclip.library import Library, open_store
from tests.cluster.nodes import DEADLY, Nodes, ended, wait_until, write_clips
from tests.helpers import small_checkpoint

pytestmark = pytest.mark.cluster
CLIPS = 24


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clips(folder, CLIPS)
    return folder


@pytest.fixture(scope="module")
def usual(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same clips as `index` indexes them."""
    from deltaclip.encoder import Encoder

    address = tmp_path_factory.mktemp("usual") / "library"
    with Library.open(address, Encoder.load("shapes"), create=True) as library:
        library.index([clips], workers=1)
    return address


def require_same(address: object, usual: Path) -> None:
    """Each moment once, its vectors, the order of hits, and nothing that `verify` complains of."""
    with Library.open(str(address)) as one, Library.open(usual) as other:
        mine, theirs = list(one.moments()), list(other.moments())
        assert [(m.path, m.start, m.end, m.coverage) for m in mine] == [
            (m.path, m.start, m.end, m.coverage) for m in theirs
        ]
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a.vector, b.vector, atol=1e-6)
            assert a.motion is not None
            assert b.motion is not None
            np.testing.assert_allclose(a.motion, b.motion, atol=1e-6)
        for text in ("a red square", "it moves to the left"):
            assert [hit.path for hit in one.search(text, 8)] == [hit.path for hit in other.search(text, 8)]
        assert one.verify().problems == ()


def test_a_run_gives_what_index_gives_and_then_reads_nothing_again(
    nodes: Nodes, clips: Path, usual: Path, tmp_path: Path
) -> None:
    report = ended(nodes.index(clips, store=tmp_path / "tables"))
    assert (report["indexed"], report["failed"], report["new"]) == (CLIPS, 0, CLIPS)
    assert set(report["busy"]) == {"decode", "mask", "encode", "store"}
    assert all(report["busy"].values())
    assert report["encoder"]["name"] == "shapes"
    require_same(f"lance://{tmp_path / 'tables'}", usual)
    again = ended(nodes.index(clips, store=tmp_path / "tables"))
    assert (again["indexed"], again["unchanged"]) == (0, CLIPS)


def test_a_run_into_a_library_of_the_other_kind(nodes: Nodes, clips: Path, usual: Path, tmp_path: Path) -> None:
    some = sorted(clips.iterdir())[:4]
    with Library.open(usual) as library:
        encoder = library.encoder
    with Library.open(tmp_path / "library", encoder, create=True) as library:
        library.index(some)
    report = ended(nodes.index(clips, store=tmp_path / "library"))
    assert (report["indexed"], report["unchanged"]) == (CLIPS - 4, 4)
    require_same(tmp_path / "library", usual)


def test_killed_workers_cost_nothing_and_a_deadly_file_itself(
    nodes: Nodes, clips: Path, usual: Path, tmp_path: Path
) -> None:
    deadly = tmp_path / f"{DEADLY}.mp4"
    deadly.write_bytes(next(clips.iterdir()).read_bytes())
    run = nodes.index(deadly, clips, store=tmp_path / "tables")
    assert nodes.kill_worker("read_on_node", run)
    assert nodes.kill_worker("EncoderOnNode", run)
    report = ended(run)
    assert run.returncode == 1
    assert (report["indexed"], report["failed"]) == (CLIPS, 1)
    assert [row["path"] for row in report["failures"]] == [str(deadly)]
    assert "died twice" in report["failures"][0]["reason"]
    with Library.open(f"lance://{tmp_path / 'tables'}") as library:
        assert [row.path for row in library.failures()] == [deadly]
    require_same(f"lance://{tmp_path / 'tables'}", usual)


def test_a_killed_driver_goes_on_where_it_was(nodes: Nodes, clips: Path, usual: Path, tmp_path: Path) -> None:
    address = f"lance://{tmp_path / 'tables'}"

    def some_written() -> bool:
        if not Library.exists(address):
            return False
        with Library.open(address) as library:
            return library.status().videos > 0

    run = nodes.index(clips, store=address)
    assert wait_until(some_written, run)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    report = ended(nodes.index(clips, store=address))
    assert report["unchanged"] > 0
    assert report["unchanged"] + report["indexed"] == CLIPS
    require_same(address, usual)


def test_a_second_run_into_one_library_is_refused(nodes: Nodes, clips: Path, tmp_path: Path) -> None:
    address = f"lance://{tmp_path / 'tables'}"
    store = open_store(address, create=True)
    with store.writing():
        run = nodes.index(clips, store=address)
        report = ended(run)
    assert run.returncode == 3
    assert "locked by another deltaclip" in report["error"]["found"]
    assert store.videos() == []


def test_a_library_of_a_different_encoder_is_refused(nodes: Nodes, clips: Path, usual: Path, tmp_path: Path) -> None:
    other = small_checkpoint(tmp_path / "other")
    run = nodes.index(clips, store=usual, encoder=str(other))
    report = ended(run)
    assert run.returncode == 1
    assert report["error"]["found"].startswith("made by the encoder shapes")


def test_a_killed_node_costs_what_it_had_in_hand(nodes: Nodes, clips: Path, usual: Path, tmp_path: Path) -> None:
    run = nodes.index(clips, store=tmp_path / "tables")
    assert nodes.kill_worker("read_on_node", run)  # so that it is at work
    nodes.kill_node()
    report = ended(run)
    assert (report["indexed"], report["failed"]) == (CLIPS, 0)
    require_same(f"lance://{tmp_path / 'tables'}", usual)
