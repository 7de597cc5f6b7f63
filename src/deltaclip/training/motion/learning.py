"""The loop: drawn tracks and sentences about them, each pulled to what it is true of and pushed from what it is not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from deltaclip.encoder import FRAME_COLUMNS, MotionNetwork, MotionSizes, TrackBatch, track_batch
from deltaclip.motion import TRACK_GRID, TRACK_MAPS
from deltaclip.motion_words import (
    CONCEPTS,
    MAX_WORDS,
    OPEN,
    all_claims,
    claims_about,
    empty_sentence,
    sentence_about,
    stacked,
    vocabulary,
)
from deltaclip.training.motion.drawn import DrawnTracks

__all__ = ["MotionRecipe", "MotionStep", "learn"]

HELD = 1 / 12
"""Share of the scenes that is not learnt from."""
WARM_UP = 150
FARTHEST = 2
"""Cells of the maps by which training moves them, each way."""
LARGEST_STEP = 1.0
"""Norm that gradients are cut to."""
AVERAGED = 0.998
"""Share that a step leaves of the running mean of the weights, which is what is kept."""
BITS_SCENES = 2000
"""Scenes by which it is told how much a sentence says."""


@dataclass(frozen=True, slots=True)
class MotionRecipe:
    """scenes: to draw. steps, batch, rate: of AdamW with a cosine, for each network of tracks; text_steps, text_batch,

    text_rate: for sentences; decay: of both. hidden: share of the maps' cells that a step hides. lost: largest share of
    a moment's frames that it hides. fit: weight of `_judged`. spoken, bits: weights of what is learnt of sentences
    beside their vectors. empty: share of sentences without motion. seed: of everything that is random.
    """

    scenes: int = 20000
    steps: int = 4000
    batch: int = 192
    rate: float = 2e-3
    text_steps: int = 3000
    text_batch: int = 256
    text_rate: float = 2e-3
    decay: float = 0.05
    empty: float = 0.15
    hidden: float = 0.15
    lost: float = 0.4
    fit: float = 0.5
    spoken: float = 1.0
    bits: float = 0.1
    seed: int = 0
    sizes: MotionSizes = field(default_factory=lambda: MotionSizes(track_networks=3))

    @property
    def all_steps(self) -> int:
        """Of all networks."""
        return self.steps * self.sizes.track_networks + self.text_steps


@dataclass(frozen=True, slots=True)
class MotionStep:
    """How far the loop is. loss: of the last step. held: see `held_out`, None between its measurements."""

    step: int
    loss: float
    held: float | None


def learn(
    recipe: MotionRecipe, drawn: DrawnTracks, progress: Callable[[MotionStep], None], every: int = 400
) -> MotionNetwork:
    """Trains on all scenes but HELD of them. The same recipe and scenes give the same network on one machine.

    First tracks and what is claimed, a vector for each of CONCEPTS, find their places in one space; further networks of
    tracks learn to lead to the same places; then sentences learn to lead to the places of what they claim. Words are
    no part of all but the last, which makes it quick, and the same whatever words the phrases have; the last has any
    number of sentences to learn from.
    """
    torch.manual_seed(recipe.seed)
    random = np.random.default_rng(recipe.seed)
    data = _Data(drawn)
    network = MotionNetwork(recipe.sizes, len(vocabulary()), MAX_WORDS)
    claimed = nn.Linear(len(CONCEPTS), recipe.sizes.dimension)
    both = nn.ModuleList([network, claimed]).train()
    places = [*claimed.parameters(), network.scale, network.offset]
    done = 0

    def loop(
        steps: int,
        rate: float,
        trained: list[nn.Parameter],
        loss_of: Callable[[], Tensor],
        held_out: Callable[[], float],
    ) -> None:
        nonlocal done
        optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=recipe.decay, betas=(0.9, 0.98))
        mean = AveragedModel(both, multi_avg_fn=get_ema_multi_avg_fn(AVERAGED))  # type: ignore[no-untyped-call]  # torch's
        for step in range(steps):
            share = 0.5 * (1 + np.cos(np.pi * step / steps)) + 0.01
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1, (step + 1) / WARM_UP) * share
            loss = loss_of()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            nn.utils.clip_grad_norm_(trained, LARGEST_STEP)
            optimiser.step()
            mean.update_parameters(both)
            if step + 1 == steps:
                both.load_state_dict(mean.module.state_dict())
            done += 1
            measure = done % every == 0 or step + 1 == steps
            progress(MotionStep(done, float(loss.detach()), held_out() if measure else None))

    for number, track in enumerate(network.tracks, 1):
        trained = [*track.parameters(), *(places if number == 1 else ())]
        loss_of = partial(_track_loss, recipe, network, track, claimed, data, random)
        loop(recipe.steps, recipe.rate, trained, loss_of, partial(data.held_out, network, claimed, number))
    of_text = [weight for name, weight in network.named_parameters() if not name.startswith("tracks.")]
    loss_of = partial(_text_loss, recipe, network, claimed, data, random)
    loop(recipe.text_steps, recipe.text_rate, of_text, loss_of, partial(data.held_out, network))
    return network.eval()


class _Data:
    """All tracks as the network takes them, (N * 4, T, ...), and their truths."""

    def __init__(self, drawn: DrawnTracks) -> None:
        batch = track_batch([variant for four in drawn.tracks for variant in four])
        self.maps, self.numbers = batch.maps.half(), batch.numbers
        self.truths = drawn.truths.reshape(-1, len(CONCEPTS))
        self.false = (self.truths == 0).astype(np.float32)
        self.open = (self.truths == OPEN).astype(np.float32)
        known = np.maximum((self.truths != OPEN).sum(0), 1)
        self.rates = ((self.truths == 1).sum(0) / known).astype(np.float32)
        order = np.random.default_rng(5).permutation(len(drawn.truths))
        held = max(int(len(order) * HELD), 1)
        self.held, self.learnt = order[:held] * 4, order[held:]
        some = np.random.default_rng(6).choice(len(self.truths), min(BITS_SCENES, len(self.truths)), replace=False)
        self.false_of_some, self.open_of_some = self.false[some].T, self.open[some].T

    def truth_of(self, claims: NDArray[np.float32], rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Which sentences are true and which false of which tracks, (Q, B) bool each; neither is open."""
        false = claims @ self.false[rows].T > 0
        true = ~false & ~(claims @ self.open[rows].T > 0)
        return torch.from_numpy(true), torch.from_numpy(false)

    def bits(self, claims: NDArray[np.float32]) -> Tensor:
        """How much sentences tell: minus the logarithm of the share of scenes that they are true of, (Q,)."""
        false = claims @ self.false_of_some > 0
        known = false | ~(claims @ self.open_of_some > 0)
        share = (known & ~false).sum(1) + 0.5
        return torch.from_numpy(-np.log2(share / (known.sum(1) + 1))).float()

    def held_out(self, network: MotionNetwork, claimed: nn.Linear | None = None, first: int | None = None) -> float:
        """How often a sentence fits a scene that it is true of better than one that it is not, 0 to 1.

        Of scenes not learnt from. claimed: asks with the vectors of what is claimed instead of sentences. first: asks
        so many of the networks of tracks, those that have learnt.
        """
        random = np.random.default_rng(9)
        rows = self.held[:300]
        ids, _, said = stacked([sentence_about(self.truths[row], self.rates, random) for row in rows])
        claims = said.astype(np.float32)
        true, false = self.truth_of(claims, rows)
        network.eval()
        with torch.inference_mode():
            there = torch.ones(self.maps[rows].shape[:2], dtype=torch.bool)
            videos = network.track_vectors(TrackBatch(self.maps[rows].float(), self.numbers[rows], there), first)
            asked = network.read(torch.from_numpy(ids)).vectors if claimed is None else _places(claimed, claims)
            fits = asked @ videos.T
        network.train()
        shares = [
            float((fit[yes][:, None] > fit[no][None]).float().mean())
            for fit, yes, no in zip(fits, true, false, strict=True)
            if yes.any() and no.any()
        ]
        return float(np.mean(shares))


def _places(claimed: nn.Linear, claims: NDArray[np.float32]) -> Tensor:
    """The vectors of what sentences claim, (Q, C) -> (Q, D) unit rows."""
    return functional.normalize(claimed(torch.from_numpy(claims)), dim=-1)


def _track_loss(
    recipe: MotionRecipe,
    network: MotionNetwork,
    track: nn.Module,
    claimed: nn.Linear,
    data: _Data,
    random: np.random.Generator,
) -> Tensor:
    """Each clip by one network of tracks against all that can be claimed, and against claims of several concepts."""
    rows = random.choice(data.learnt, recipe.batch) * 4 + random.integers(0, 4, recipe.batch)
    several = [claims_about(data.truths[row], data.rates, random) for row in rows[: recipe.batch // 2]]
    claims = np.concatenate([all_claims(), np.zeros((len(several), len(CONCEPTS)), np.bool_)]).astype(np.float32)
    for row, numbers in enumerate(several, len(claims) - len(several)):
        claims[row, list(numbers)] = 1
    videos = track(_disturbed(recipe, data, rows, random), recipe.hidden)
    true, false = data.truth_of(claims, rows)
    fits = _places(claimed, claims) @ videos.T * network.scale.exp()
    weight = data.bits(claims).clamp(0.3, 6.0)
    return (
        _contrast(fits, true, false, None)
        + _contrast(fits.T, true.T, false.T, weight)
        + recipe.fit * _judged(fits + network.offset, true, false)
    )


def _text_loss(
    recipe: MotionRecipe, network: MotionNetwork, claimed: nn.Linear, data: _Data, random: np.random.Generator
) -> Tensor:
    """Sentences to the places of what they claim, which stay; which words speak of motion, and how much they say."""
    rows = random.integers(0, len(data.truths), int(recipe.text_batch * (1 - recipe.empty)))
    made = [sentence_about(data.truths[row], data.rates, random) for row in rows]
    nothing = [empty_sentence(random) for _ in range(recipe.text_batch - len(made))]
    ids, spoken, said = stacked([*made, *nothing])
    longest = int((ids > 0).sum(1).max())
    read = network.read(torch.from_numpy(ids[:, :longest]))
    claims = said[: len(made)].astype(np.float32)
    with torch.no_grad():
        places = _places(claimed, claims)
    away = 1 - (read.vectors[: len(made)] * places).sum(1)
    words = torch.from_numpy(ids[:, :longest] > 0)
    told = torch.from_numpy(spoken[:, :longest]).float()
    spoken_loss = functional.binary_cross_entropy_with_logits(read.spoken[words], told[words])
    bits = functional.smooth_l1_loss(read.bits[: len(made)], data.bits(claims))
    return 5 * away.mean() + recipe.spoken * spoken_loss + recipe.bits * bits


def _contrast(fits: Tensor, true: Tensor, false: Tensor, weight: Tensor | None) -> Tensor:
    """Cross entropy of each true pair of a row against all false ones of it; open pairs do not count.

    weight: of the columns, None for all alike. Rows without a true pair do not count.
    """
    others = fits.masked_fill(~false, -1e4).logsumexp(1, keepdim=True)
    share = true.float() if weight is None else true * weight
    each = (functional.softplus(others - fits) * share).sum(1) / share.sum(1).clamp(min=1e-6)
    some = true.any(1)
    return each[some].mean()


def _judged(fits: Tensor, true: Tensor, false: Tensor) -> Tensor:
    """True pairs above zero and false ones below, so that a fit means the same for all sentences."""
    above, below = functional.softplus(-fits) * true, functional.softplus(fits) * false
    return above.sum() / true.sum().clamp(min=1) + below.sum() / false.sum().clamp(min=1)


def _disturbed(recipe: MotionRecipe, data: _Data, rows: NDArray[np.int64], random: np.random.Generator) -> TrackBatch:
    """A batch of tracks with frames left out, all moved by some cells of the maps, and with some noise."""
    count = len(rows)
    maps, numbers = data.maps[rows].float(), data.numbers[rows] + 0.02 * torch.randn(data.numbers[rows].shape)
    lost = random.choice([0.0, 0.0, recipe.lost / 3, recipe.lost], (count, 1))
    there = torch.from_numpy(random.random((count, maps.shape[1])) >= lost)
    there[there.sum(1) < 3] = True
    down, right = (int(number) for number in random.integers(-FARTHEST, FARTHEST + 1, 2))
    moved = torch.zeros_like(maps).reshape(*maps.shape[:2], len(TRACK_MAPS), *TRACK_GRID)
    whole = maps.reshape(moved.shape)
    to_rows, from_rows = _overlap(down, TRACK_GRID[0])
    to_columns, from_columns = _overlap(right, TRACK_GRID[1])
    moved[..., to_rows, to_columns] = whole[..., from_rows, from_columns]
    aspect = numbers[..., FRAME_COLUMNS["aspect"]].exp()
    numbers[..., FRAME_COLUMNS["x"]] += aspect * right / TRACK_GRID[1]
    numbers[..., FRAME_COLUMNS["y"]] += down / TRACK_GRID[0]
    return TrackBatch(moved.flatten(2) * torch.exp(0.1 * torch.randn(count, 1, 1)), numbers, there)


def _overlap(by: int, length: int) -> tuple[slice, slice]:
    """Where a picture moved by so many cells goes to, and what of it stays in sight."""
    return slice(max(by, 0), length + min(by, 0)), slice(max(-by, 0), length - max(by, 0))
