"""Checkpoints that torch has loaded whole before: their texts can be encoded without it.

What torch would refuse is never accepted here: names, shapes and numbers of all weights, configuration, tokenizer and
record were checked by `load_checkpoint`, on files of the same sizes and times. Whatever is not as it was then makes a
checkpoint an unknown one, which torch has to load again.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deltaclip.errors import CheckpointError
from deltaclip.model.families import CLIP, FAMILIES
from deltaclip.model.files import CONFIG_FILE, WEIGHTS_FILE, kept_facts, read_record
from deltaclip.model.hub import cached_folder
from deltaclip.model.kept import DIGEST
from deltaclip.model.record import CheckpointRecord
from deltaclip.model.rows import MappedRows
from deltaclip.model.sizes import Blocks, ModelSpec
from deltaclip.model.text_tower import TextTower, text_shapes
from deltaclip.model.token_weights import TokenWeights, read_token_weights
from deltaclip.model.tokenizer import TOKENIZER_FILES, Tokenizer

if TYPE_CHECKING:  # imports torch
    from deltaclip.model.checkpoint import Checkpoint

__all__ = ["MODEL_FACTS", "KnownCheckpoint", "ModelFacts", "known_checkpoint"]

MODEL_FACTS = "model_facts"
"""Name of the kept fact that is a `ModelFacts`."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model turned out to be when torch had loaded it.

    spec: its sizes. text_blocks: of its text encoder. num_channels: of the frames that it takes. alpha: as in
    `CheckpointRecord`. temporal_layers, max_frames: of its temporal head; 0 and None without one. family: its name.
    """

    spec: ModelSpec
    text_blocks: Blocks
    num_channels: int
    alpha: Literal["zero", "trained"]
    temporal_layers: int
    max_frames: int | None
    family: str = CLIP.name

    def to_json(self) -> str:
        """As it is kept; without the family if it is CLIP, as older facts are."""
        facts = asdict(self)
        if self.family == CLIP.name:
            del facts["family"]
        return json.dumps(facts)

    @classmethod
    def from_json(cls, text: str) -> "ModelFacts":
        """As it was kept. Raises ValueError, TypeError or KeyError for anything else."""
        told = json.loads(text)
        return cls(**{**told, "spec": ModelSpec(**told["spec"]), "text_blocks": Blocks(**told["text_blocks"])})


@dataclass(frozen=True, slots=True, eq=False)
class KnownCheckpoint:
    """A checkpoint whose texts can be encoded, and whose model is loaded when it is needed.

    folder: with its files. hub: its name if it is of the hub's cache. digest: `model_digest` of its model. texts: its
    text encoder. record, tokenizer, token_weights: as in `Checkpoint`.
    """

    folder: Path
    hub: str | None
    digest: str
    facts: ModelFacts
    texts: TextTower
    record: CheckpointRecord
    tokenizer: Tokenizer | None
    token_weights: TokenWeights | None = None

    def load(self) -> "Checkpoint":
        """The whole checkpoint, loaded by torch from the same folder. Raises CheckpointError as `load_checkpoint`, and
        if it has changed.
        """
        from deltaclip.model.digest import loaded_digest
        from deltaclip.model.loading import load_folder

        checkpoint = load_folder(self.folder, self.hub)
        if loaded_digest(checkpoint) != self.digest:
            raise CheckpointError(
                self.hub or str(self.folder), "changed while it was in use", "Load the encoder again."
            )
        return checkpoint


def known_checkpoint(name: str | os.PathLike[str]) -> KnownCheckpoint | None:
    """The checkpoint of that name if it is known, in its folder or in the hub's cache; else None, whatever the reason.

    Then `load_checkpoint` loads it, or says what is wrong with it. The network is not touched.
    """
    folder, hub = Path(name).expanduser(), None
    if not folder.is_dir():
        cached = cached_folder(str(name), CONFIG_FILE)
        if cached is None:
            return None
        folder, hub = cached, str(name)
    kept = kept_facts(folder, hub)
    told = kept.read()
    if not {DIGEST, MODEL_FACTS} <= told.keys():
        return None
    try:
        facts = ModelFacts.from_json(told[MODEL_FACTS])
        family, weights = FAMILIES[facts.family], MappedRows(folder / WEIGHTS_FILE)
        texts = TextTower(facts.spec, facts.text_blocks, weights, family)
        record, _ = read_record(
            folder, hub, folder / WEIGHTS_FILE, kept, facts.spec.image_size, facts.spec.context_length, family
        )
        tokenizer, token_weights = None, read_token_weights(folder, facts.spec.projection_dim)
        if any((folder / file).exists() for file in TOKENIZER_FILES):
            tokenizer = Tokenizer.from_source(folder)
    except (OSError, ValueError, TypeError, KeyError, CheckpointError):
        return None
    wanted = text_shapes(facts.spec, facts.text_blocks, family)
    if not wanted.items() <= weights.shapes.items() or record.temporal_layers != facts.temporal_layers:
        return None
    record = record.held_by(facts.alpha, facts.spec.context_length, facts.temporal_layers)
    return KnownCheckpoint(folder, hub, told[DIGEST], facts, texts, record, tokenizer, token_weights)
