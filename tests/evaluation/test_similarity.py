"""Anybody's matrix is ranked, or refused with its place and a remedy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.errors import CaptionError
from deltaclip.evaluation import evaluate_similarity
from deltaclip.evaluation.score_files import read_scores

EYE = np.eye(3, dtype=np.float32)
NAN = np.where(EYE == 1, np.nan, 0).astype(np.float32)


def test_a_square_npy_has_text_i_of_video_i(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", EYE)
    assert (np.asarray(read_scores(tmp_path / "s.npy").similarity) == EYE).all()
    result = evaluate_similarity(tmp_path / "s.npy")
    assert result.scored.named.owner.tolist() == [0, 1, 2]
    assert result.t2v.R1 == 100


def test_an_npz_says_whose_text_each_row_is(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", similarity=EYE[[0, 0, 2, 1]], owner=np.array([0, 0, 2, 1], np.uint8))
    result = evaluate_similarity(tmp_path / "s.npz")
    assert (result.t2v.R1, result.t2v.queries, result.v2t.queries) == (100, 4, 3)


def test_whole_numbers_of_either_kind_are_taken(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", similarity=EYE.astype(int), owner=np.array([0.0, 1.0, 2.0]))
    read = read_scores(tmp_path / "s.npz")
    assert read.similarity.dtype == np.float64
    assert read.owner is not None
    assert read.owner.dtype == np.int64
    assert read.owner.tolist() == [0, 1, 2]


def test_a_square_npz_may_leave_the_owner_out(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "s.npz", similarity=EYE.astype(np.float64))
    assert evaluate_similarity(tmp_path / "s.npz").scored.named.owner.tolist() == [0, 1, 2]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"similarity": EYE[:2]}, "2 texts, 3 videos, and nothing says to which video"),
    ({"sim": EYE, "who": EYE}, "found sim, who"),
    ({"similarity": EYE.astype(complex)}, "similarity is complex128, not numbers"),
    ({"similarity": EYE[None]}, r"similarity has the shape \(1, 3, 3\)"),
    ({"similarity": EYE[:0]}, r"similarity has the shape \(0, 3\)"),
    ({"similarity": NAN}, r"NaN in row 0, column 0 \(counted from 0\)"),
    ({"similarity": EYE, "owner": [0, 1]}, r"owner is \(2,\) int64"),
    ({"similarity": EYE, "owner": [0.0, 1.5, 2.0]}, r"owner is \(3,\) float64"),
    ({"similarity": EYE, "owner": [0, 1, 3]}, r"owner\[2\] is 3, but the columns are 0\.\.2"),
    ({"similarity": EYE, "owner": [0, -1, 1]}, r"owner\[1\] is -1"),
    ({"similarity": np.array([[None]])}, "not a numpy file of plain numbers"),
]


@pytest.mark.parametrize(("arrays", "found"), REFUSED)
def test_an_npz_that_holds_anything_else_is_refused_by_name(tmp_path: Path, arrays: dict[str, Any], found: str) -> None:
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(CaptionError, match=rf"s\.npz: .*{found}"):
        evaluate_similarity(tmp_path / "s.npz")


@pytest.mark.parametrize("array", [np.float32(1), EYE[:2], EYE[None], EYE == 1, np.array([[None]]), EYE[:0], NAN])
def test_an_npy_that_holds_anything_else_is_refused_by_name(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "s.npy", array)
    with pytest.raises(CaptionError, match=r"s\.npy: "):
        evaluate_similarity(tmp_path / "s.npy")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04 cut short", b"\x93NUMPY\x01\x00v\x00{'descr'"])
def test_a_file_that_is_no_numpy_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.npy").write_bytes(content)
    with pytest.raises(CaptionError, match="not a numpy file of plain numbers"):
        evaluate_similarity(tmp_path / "s.npy")


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", EYE)
    (tmp_path / "s.npy").write_bytes((tmp_path / "s.npy").read_bytes()[:-4])
    with pytest.raises(CaptionError, match="not a numpy file of plain numbers"):
        evaluate_similarity(tmp_path / "s.npy")


def test_a_damaged_npz_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "s.npz", similarity=np.random.default_rng(0).random((50, 50)))
    data = bytearray((tmp_path / "s.npz").read_bytes())
    data[500:600] = bytes(100)
    (tmp_path / "s.npz").write_bytes(data)
    with pytest.raises(CaptionError, match="not a numpy file of plain numbers"):
        evaluate_similarity(tmp_path / "s.npz")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match="no such file"):
        evaluate_similarity(tmp_path / "none.npy")
    with pytest.raises(CaptionError, match="not a numpy file"):
        evaluate_similarity(tmp_path)
