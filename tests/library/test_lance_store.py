"""The contract of stores, kept by Lance tables."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from deltaclip.library.store import VideoRow
from tests.library.store_contract import StoreContract

if find_spec("lance") is None:
    pytest.skip("the extra cluster is not installed", allow_module_level=True)

from deltaclip.library.lance import LanceStore

pytestmark = pytest.mark.cluster


def change_bytes(address: str, row: VideoRow, motion: bool) -> None:
    """Changes a vector of a video in the file in which it lies."""
    with_vectors = LanceStore.open(address, create=False)
    moment = next(iter(with_vectors.moments([row])))
    vector = moment.motion if motion else moment.vector
    assert vector is not None
    wrong = vector.copy()
    wrong[3] += 0.25
    changed = 0
    for file in (Path(address.removeprefix("lance://")) / "moments.lance" / "data").iterdir():
        content = file.read_bytes()
        changed += content.count(vector.tobytes())
        file.write_bytes(content.replace(vector.tobytes(), np.asarray(wrong, np.float32).tobytes()))
    assert changed == 1


class TestLanceStore(StoreContract):
    store_class = LanceStore

    def damage(self, address: str, row: VideoRow, *, motion: bool = False) -> None:
        change_bytes(address, row, motion)
