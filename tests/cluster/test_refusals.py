"""What is said where there is no cluster, or nothing to reach one with."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

WITHOUT = "import sys; sys.modules[{name!r}] = None; from deltaclip.cli import main; main()"


def refused(program: list[str], folder: Path, *words: str) -> str:
    """What a run says, which has to end with exit code 1 and to leave no library."""
    store = folder / "tables"
    given = ["cluster", "index", *words, "--store", str(store), "--encoder", "shapes"]
    run = subprocess.run([sys.executable, *program, *given], text=True, capture_output=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert not store.exists()
    return run.stderr


@pytest.mark.parametrize("name", ["ray", "s3fs"])
def test_without_what_it_needs(name: str, tmp_path: Path) -> None:
    words = "s3://films" if name == "s3fs" else str(tmp_path)
    said = refused(["-c", WITHOUT.format(name=name)], tmp_path, words)
    assert f"the package {name}: not installed" in said
    assert "pip install 'deltaclip[cluster]'" in said


@pytest.mark.cluster
@pytest.mark.skipif(find_spec("ray") is None, reason="the extra cluster is not installed")
@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("127.0.0.1:1", "no cluster can be reached (Connection refused)"),
        ("nonsense", "no cluster can be reached"),
        ("ray://10.0.0.1:10001", "an address of Ray's client"),
    ],
)
def test_an_address_without_a_cluster(address: str, found: str, tmp_path: Path) -> None:
    said = refused(["-m", "deltaclip"], tmp_path, str(tmp_path), "--ray", address)
    assert f"{address}: {found}" in said
