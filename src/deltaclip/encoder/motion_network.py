"""The two small networks of the motion encoder in torch: from tracks and from sentences into one space."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from deltaclip.durable import write_bytes_whole
from deltaclip.encoder.motion_weights import (
    CLOCK,
    FRAME_NUMBERS,
    MAP_NUMBERS,
    RECORD,
    WEIGHTS,
    MotionSizes,
    MotionWeights,
)
from deltaclip.motion import TRACK_NUMBERS, Track
from deltaclip.motion_words import MAX_WORDS, vocabulary

__all__ = [
    "FRAME_COLUMNS",
    "MotionNetwork",
    "ReadText",
    "TrackBatch",
    "network_of",
    "save_motion_encoder",
    "track_batch",
    "track_flops",
    "weights_of",
]

FIELDS = {name: number for number, name in enumerate(TRACK_NUMBERS)}
LIVELIEST = 3.0
"""Velocities in units of the moment's own speed are cut there."""
SMALLEST_SPEED = 0.01
"""Picture heights a second: below, speed is noise."""


class TrackBatch(NamedTuple):
    """Tracks as the network takes them, padded to one length.

    maps: (B, T, M) float32. numbers: (B, T, N) float32. there: (B, T) bool, False where padded.
    """

    maps: Tensor
    numbers: Tensor
    there: Tensor


class ReadText(NamedTuple):
    """vectors: (Q, D) unit rows. spoken: (Q, L) logits, whether a word speaks of motion. bits: (Q,) what they tell."""

    vectors: Tensor
    spoken: Tensor
    bits: Tensor


def track_batch(tracks: Sequence[Track]) -> TrackBatch:
    """Tracks in the units of the network: velocities in those of the moment's own speed, so that no size has to agree.

    The speed itself, the camera's and everything absolute is among the numbers, in logarithms.
    """
    longest = max(len(track.seconds) for track in tracks)
    made = [_inputs(track) for track in tracks]
    maps = np.zeros((len(tracks), longest, made[0][0].shape[1]), np.float32)
    numbers = np.zeros((len(tracks), longest, made[0][1].shape[1]), np.float32)
    there = np.zeros((len(tracks), longest), np.bool_)
    for row, (its_maps, its_numbers) in enumerate(made):
        count = len(its_maps)
        maps[row, :count], numbers[row, :count], there[row, :count] = its_maps, its_numbers, True
    return TrackBatch(torch.from_numpy(maps), torch.from_numpy(numbers), torch.from_numpy(there))


def _inputs(track: Track) -> tuple[np.ndarray, np.ndarray]:
    """(T, M) and (T, N) float32 of one track."""
    field = {name: track.numbers[:, column] for name, column in FIELDS.items()}
    area, speed = field["area"], field["speed"]
    own = float(np.sqrt((area * speed**2).sum() / max(float(area.sum()), 1e-4)))
    own = max(own, SMALLEST_SPEED)
    maps = track.maps.copy()
    maps[:, 1:] = np.clip(maps[:, 1:] / own, -LIVELIEST, LIVELIEST)
    maps[:, 0] = np.sqrt(np.clip(maps[:, 0], 0, 1))
    camera = np.stack([field[name] for name in ("pan", "tilt", "zoom", "roll")], axis=1)
    fastest = max(float(np.abs(camera).max(initial=0)), SMALLEST_SPEED)
    seconds = track.seconds - track.seconds[0]
    duration = float(seconds[-1] + (seconds[-1] / max(len(seconds) - 1, 1))) if len(seconds) > 1 else 0.0
    place = (seconds + (duration - seconds[-1]) / 2) / duration if duration > 0 else np.full(len(seconds), 0.5)
    angles = np.pi * place[:, None] * 2.0 ** np.arange(CLOCK)
    one = np.ones(len(seconds))
    columns = [
        np.log(area + 1e-3) / 3 + 1,
        np.sqrt(area),
        field["x"],
        field["y"],
        field["spread_x"] * 4,
        field["spread_y"] * 4,
        np.clip(field["right"] / own, -LIVELIEST, LIVELIEST),
        np.clip(field["down"] / own, -LIVELIEST, LIVELIEST),
        np.clip(speed / own, 0, LIVELIEST),
        np.log(speed + 0.02) / 2 + 1,
        np.arcsinh(field["growth"] * 3) / 2,
        np.arcsinh(field["turn"]) / 2,
        *(np.arcsinh(camera / 0.03) / 3).T,
        *(camera / fastest).T,
        field["confidence"],
        field["camera_confidence"],
        field["kept"],
        np.log(own) / 2 * one,
        np.log(fastest) / 2 * one,
        np.log(duration + 0.1) / 2 * one,
        np.log(track.aspect) * one,
        place * 2 - 1,
        *np.sin(angles).T,
        *np.cos(angles).T,
    ]
    return maps.reshape(len(maps), -1), np.stack(columns, axis=1).astype(np.float32)


FRAME_COLUMNS = {"x": 2, "y": 3, "aspect": 26}
"""Places of some numbers in `TrackBatch.numbers`; aspect is a logarithm."""


class TrackNetwork(nn.Module):
    """One of the networks of tracks."""

    def __init__(self, sizes: MotionSizes) -> None:
        super().__init__()
        width = sizes.width
        self.map_in = nn.Sequential(nn.Linear(MAP_NUMBERS, width), nn.GELU())
        self.number_in = nn.Sequential(nn.Linear(FRAME_NUMBERS, width), nn.GELU())
        self.frame_in = nn.Linear(2 * width, width)
        self.frames = nn.ModuleList(_layer(sizes) for _ in range(sizes.layers))
        self.frame_weight = nn.Linear(width, sizes.heads)
        self.track_out = nn.Sequential(
            nn.LayerNorm((sizes.heads + 1) * width), nn.Linear((sizes.heads + 1) * width, sizes.dimension)
        )

    def forward(self, batch: TrackBatch, drop: float = 0.0) -> Tensor:
        """(B, D) unit rows. drop: share of the maps' cells that training hides."""
        maps = nn.functional.dropout(batch.maps, drop, self.training)
        hidden = self.frame_in(torch.cat([self.map_in(maps), self.number_in(batch.numbers)], dim=-1))
        for layer in self.frames:
            hidden = layer(hidden, src_key_padding_mask=~batch.there)
        there = batch.there[..., None]
        # (B, T, heads): each head looks at some frames more than at others.
        weight = self.frame_weight(hidden).masked_fill(~there, -1e4).softmax(dim=1)
        heads = torch.einsum("bth,btw->bhw", weight, hidden).flatten(1)
        mean = (hidden * there).sum(1) / there.sum(1)
        return nn.functional.normalize(self.track_out(torch.cat([heads, mean], dim=-1)), dim=-1)


class MotionNetwork(nn.Module):
    """All networks. `track_vectors` and `read` give vectors of one space: their product is how well they fit."""

    def __init__(self, sizes: MotionSizes, num_words: int, max_words: int) -> None:
        super().__init__()
        width = sizes.width
        self.sizes = sizes
        self.tracks = nn.ModuleList(TrackNetwork(sizes) for _ in range(sizes.track_networks))
        self.words = nn.Embedding(num_words, width, padding_idx=0)
        self.places = nn.Parameter(torch.randn(max_words, width) * 0.02)
        self.text = nn.ModuleList(_layer(sizes) for _ in range(sizes.text_layers))
        self.text_out = nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, sizes.dimension))
        self.spoken_out = nn.Linear(width, 1)
        self.bits_out = nn.Linear(2 * width, 1)
        self.scale = nn.Parameter(torch.tensor(2.5))
        self.offset = nn.Parameter(torch.tensor(-4.0))

    def encode(self, tracks: Sequence[Track]) -> NDArray[np.float32]:
        """One vector for each track: (N, D) float32, unit rows."""
        with torch.inference_mode():
            return np.asarray(self.track_vectors(track_batch(tracks)).numpy())

    def track_vectors(self, batch: TrackBatch, first: int | None = None) -> Tensor:
        """(B, D) unit rows: the direction of the mean of what the networks of tracks say. first: of so many alone."""
        return nn.functional.normalize(sum(track(batch) for track in self.tracks[:first]), dim=-1)

    def read(self, ids: Tensor) -> ReadText:
        """ids: (Q, L) int64, 0 where a sentence has ended."""
        there = ids != 0
        hidden = self.words(ids) + self.places[: ids.shape[1]]
        for layer in self.text:
            hidden = layer(hidden, src_key_padding_mask=~there)
        shown = hidden * there[..., None]
        mean = shown.sum(1) / there.sum(1, keepdim=True).clamp(min=1)
        most = hidden.masked_fill(~there[..., None], -1e4).amax(1)
        pooled = torch.cat([mean, most], dim=-1)
        vectors = nn.functional.normalize(self.text_out(pooled), dim=-1)
        return ReadText(vectors, self.spoken_out(hidden)[..., 0], self.bits_out(pooled)[:, 0])


def _layer(sizes: MotionSizes) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        sizes.width, sizes.heads, 2 * sizes.width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
    )


def _kept(name: str) -> str:
    """The name of a weight in `MotionWeights` and in files.

    Those of the first network of tracks are without its number, as they were when there was one.
    """
    return name.removeprefix("tracks.0.")


def network_of(weights: MotionWeights) -> MotionNetwork:
    """The network of these weights, in evaluation mode."""
    network = MotionNetwork(weights.sizes, len(vocabulary()), MAX_WORDS)
    arrays = {name: weights.arrays[_kept(name)] for name in network.state_dict()}
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval()


def track_flops(sizes: MotionSizes, num_frames: int) -> int:
    """Floating-point operations of one track of so many frames, counted as `model.video_flops` counts them."""
    with torch.device("meta"):
        network = MotionNetwork(sizes, len(vocabulary()), MAX_WORDS).eval()
        batch = TrackBatch(
            torch.empty(1, num_frames, MAP_NUMBERS),
            torch.empty(1, num_frames, FRAME_NUMBERS),
            torch.empty(1, num_frames, dtype=torch.bool),
        )
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.track_vectors(batch)
    return int(counter.get_total_flops())


def weights_of(network: MotionNetwork) -> MotionWeights:
    """The weights of a network, as they are now."""
    state = network.state_dict().items()
    return MotionWeights(network.sizes, {_kept(name): weight.detach().cpu().numpy().copy() for name, weight in state})


def save_motion_encoder(folder: Path, network: MotionNetwork, made: dict[str, Any]) -> None:
    """Writes a network as `MotionEncoder.load` reads it, weights in float16. made: how, for people. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {_kept(key): value.detach().half().contiguous() for key, value in network.state_dict().items()}
    write_bytes_whole(folder / WEIGHTS, save(weights))
    record = {"sizes": asdict(network.sizes), "words": vocabulary(), "made": made}
    write_bytes_whole(folder / RECORD, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
