"""What each process of the two-process test does: gradients of uneven batches, then a run, both written to a folder."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import torch

from deltaclip.errors import TrainingError
from deltaclip.training import train
from deltaclip.training.dataset import Batch
from deltaclip.training.devices import Peers, join_peers
from deltaclip.training.loss import accumulate
from deltaclip.training.run_folder import LOCK_NAME, RUN_FOLDER
from deltaclip.training.sampler import own_part
from tests.training.test_gradients import CPU, random_batch, tiny_model
from tests.training.tiny import tiny_data, tiny_recipe

SIZES = {"even": 8, "uneven": 7, "one for two": 1}
RECIPE = tiny_recipe("optim.steps=4", "optim.batch=5")  # 10 captions: batches of 3 + 2 pairs


DIVERGING = tiny_recipe("optim.lr=1e15")


def part_of(batch: Batch, peers: Peers) -> Batch:
    """The pairs of one process."""
    own = own_part(torch.arange(len(batch)).numpy(), peers.rank, peers.world)
    rows = torch.from_numpy(own)
    return Batch(
        batch.frames[rows],
        batch.ids[rows],
        batch.alike[rows],
        [batch.names[row] for row in own],
        [batch.captions[row] for row in own],
    )


def gradients_of(peers: Peers) -> dict[str, dict[str, torch.Tensor]]:
    """Loss and gradients of whole batches, by this process's part of them."""
    made = {}
    for name, size in SIZES.items():
        model = tiny_model()
        loss = accumulate(model, part_of(random_batch(size), peers), 2, CPU, peers)
        found = {key: weight.grad for key, weight in model.named_parameters() if weight.grad is not None}
        made[name] = {"loss": loss, **found}
    return made


def main(folder: Path, environment: dict[str, str]) -> None:
    """Both parts, in one process group. environment: what torchrun sets for this process."""
    os.environ |= environment
    torch.set_num_threads(1)
    with join_peers(CPU.device) as peers:
        torch.save(gradients_of(peers), folder / f"gradients-{peers.rank}.pt")
        outcome = train(RECIPE, tiny_data(), folder / "out", device="cpu")
        torch.save(outcome.validation, folder / f"validation-{peers.rank}.pt")
        with (folder / "out" / RUN_FOLDER / LOCK_NAME).open("a") as other:
            if peers.leads:
                fcntl.flock(other, fcntl.LOCK_EX)
            refusal = refused(lambda: train(RECIPE, tiny_data(), folder / "out", device="cpu", overwrite=True))
        diverged = refused(lambda: train(DIVERGING, tiny_data(), folder / "diverged", device="cpu"))
        torch.save([refusal, diverged], folder / f"refused-{peers.rank}.pt")


def refused(call: Callable[[], object]) -> str:
    """What the call was refused with."""
    try:
        call()
    except TrainingError as error:
        return str(error)
    return "not refused"
