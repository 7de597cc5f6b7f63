"""Two processes (gloo) compute what one does: loss, gradients, validation, and the run that comes of them."""

import socket
from pathlib import Path

import pytest
import torch

from deltaclip.training import train
from deltaclip.training.dataset import worker_context
from deltaclip.training.devices import ALONE
from tests.training.one_of_two import RECIPE, SIZES, gradients_of, main
from tests.training.tiny import tiny_data, weights


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that two processes wrote, started as torchrun starts them."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    started = [
        worker_context().Process(target=main, args=(folder, {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}))
        for rank in range(2)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    assert [process.exitcode for process in started] == [0, 0]
    return folder


@pytest.mark.parametrize("batch", SIZES)
def test_two_processes_have_the_loss_and_gradients_of_one(two: Path, batch: str) -> None:
    alone = gradients_of(ALONE)[batch]
    for rank in range(2):
        both = torch.load(two / f"gradients-{rank}.pt", weights_only=True)[batch]
        assert both.keys() == alone.keys()
        for name in alone:
            torch.testing.assert_close(both[name], alone[name], atol=1e-5, rtol=1e-5)


def test_a_run_of_two_processes_is_that_of_one(two: Path, tmp_path: Path) -> None:
    outcome = train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")
    alone, both = weights(tmp_path / "out"), weights(two / "out")
    for name in alone:
        torch.testing.assert_close(both[name], alone[name], atol=1e-4, rtol=1e-3)
    for rank in range(2):
        assert torch.load(two / f"validation-{rank}.pt", weights_only=True) == outcome.validation


def test_both_hear_that_a_run_is_refused_or_broken_and_neither_waits(two: Path) -> None:
    leader, other = (torch.load(two / f"refused-{rank}.pt", weights_only=True) for rank in range(2))
    assert "another process is training in this folder" in leader[0]
    assert "the leading process could not use this folder" in other[0]
    assert all("step 1: the update itself broke the weights" in said[1] for said in (leader, other))
