"""What every test shares: shape checks at run time, one thread, and the way to the reference data."""

import os
from pathlib import Path

import pytest

# Small matrices on many threads wait for each other, and xdist runs several tests at once.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["HF_HUB_OFFLINE"] = "1"

DEFAULT_REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the reference data, or a skip that says what to set."""
    folder = Path(os.environ.get("DELTACLIP_REAL_DATA", DEFAULT_REAL_DATA))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}: set DELTACLIP_REAL_DATA")
    return folder
