"""A second engine plugs in under `Encoder`, and the rooms above see nothing but that."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deltaclip
from deltaclip.channels import CHANNELS
from deltaclip.encoder import Encoder, Engine, Inputs, TorchEngine
from deltaclip.errors import CheckpointError
from deltaclip.evaluation.shapes import evaluate_shapes
from deltaclip.library import Library
from deltaclip.model import Tokenizer, load_checkpoint
from deltaclip.shapes import VOCABULARY
from tests.helpers import small_checkpoint, write_square

ROOMS_WITH_MODELS = ("encoder", "model", "training")


class ToyEngine:
    """The mean of each channel, through a fixed matrix; of a text, how often each word occurs."""

    dimension = 8
    device = "abacus"
    precision = rounding = "float64"
    kept_precision = None
    digest = "toy"
    notes = ()
    facts: Mapping[str, Any] = {"device": "abacus", "precision": "float64"}  # Any: JSON

    def __init__(self, vocab_size: int) -> None:
        rng = np.random.default_rng(0)
        self.inputs = Inputs(32, 20, begin=vocab_size - 2, end=vocab_size - 1, pad=0)
        self._pictures = rng.normal(size=(len(CHANNELS), self.dimension))
        self._words = rng.normal(size=(vocab_size, self.dimension))

    def __str__(self) -> str:
        return "an abacus"

    def costs(self, num_frames: int, keep: float = 1.0) -> None:
        """An abacus cannot tell."""

    def video_vectors(
        self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0
    ) -> NDArray[np.float32]:
        colours = frames.mean(axis=(2, 3)) @ self._pictures
        return unit(np.stack([rows.mean(axis=0) for rows in np.split(colours, np.cumsum(lengths)[:-1])]))

    def text_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return unit(self._words[ids].sum(axis=1))


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture
def toy() -> Encoder:
    tokenizer = Tokenizer.from_words(VOCABULARY)
    return Encoder("toy", ToyEngine(tokenizer.vocab_size), tokenizer, motion="difference", num_frames=3)


def test_a_toy_engine_encodes_indexes_searches_and_is_evaluated(toy: Encoder, tmp_path: Path) -> None:
    assert isinstance(toy.engine, Engine)
    videos = [write_square(tmp_path / f"{step}.mp4", step=step) for step in (0, 1)]
    assert toy.encode_videos(videos).shape == (2, 8)
    with Library.open(tmp_path / "library", toy, create=True) as library:
        assert library.index([tmp_path]).indexed == 2
        [best, _] = library.search_video(videos[1])
        assert best.path == videos[1]
        assert best.score == pytest.approx(1)
        assert len(library.search("the red circle moves")) == 2
    result = evaluate_shapes(toy, num_clips=6)
    assert (result.protocol.encoder, result.protocol.device, result.protocol.precision) == ("toy", "abacus", "float64")
    assert result.retrieval.t2v.queries == 6


def test_an_encoder_tells_its_name_size_mask_frames_and_device(toy: Encoder) -> None:
    assert repr(toy) == "Encoder('toy', dimension=8, motion='difference', num_frames=3, device='abacus')"
    assert toy.describe() == "encoder toy on an abacus, masks difference"


def test_the_same_encoder_with_other_options_shares_the_engine_and_keeps_the_rest(toy: Encoder) -> None:
    other = toy.with_options(motion="full", max_words=9)
    assert other.engine is toy.engine
    assert (other.reader_spec.motion_word, other.reader_spec.num_frames, other.max_words) == ("full", 3, 9)
    assert toy.with_options(num_frames=2).reader_spec.motion_word == "difference"
    assert toy.with_options().fingerprint == toy.fingerprint != other.fingerprint


def test_frames_and_lengths_that_do_not_match_are_refused(tmp_path: Path) -> None:
    engine = TorchEngine(load_checkpoint(small_checkpoint(tmp_path / "small")).model, "cpu")
    with pytest.raises(ValueError, match="3 frames for clips of 4"):
        engine.video_vectors(np.zeros((3, len(CHANNELS), 32, 32), np.uint8), [2, 2])


def test_an_encoder_without_tokenizer_says_so(toy: Encoder) -> None:
    bare = Encoder("bare", toy.engine)
    with pytest.raises(CheckpointError, match=r"bare: this checkpoint has no tokenizer"):
        bare.encode_texts(["a"])


WITHOUT_A_MODEL = {"CheckpointRecord", "ConversionReport", "Normalisation", "Said", "SourceFile", "Tokenizer"}
WITHOUT_A_MODEL |= {"check_place", "convert", "is_cached"}
"""What other rooms may use of `deltaclip.model`: none of it takes or gives a CLIPModel."""
PARTS_OF_A_MODEL = {"get_image_features", "get_text_features", "state_dict", "text_model", "vision_model", "_model"}


def sources_without_models() -> Iterator[tuple[str, ast.Module]]:
    home = Path(deltaclip.__file__).parent
    for path in sorted(home.rglob("*.py")):
        if path.relative_to(home).parts[0] not in ROOMS_WITH_MODELS:
            yield str(path.relative_to(home)), ast.parse(path.read_text(encoding="utf-8"))


def touches_a_model(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in PARTS_OF_A_MODEL:
            yield f".{node.attr}"
        elif isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
            yield from (name for name in named if name.split(".")[0] in ("torch", "transformers"))
            yield from (name for name in named if name.startswith("deltaclip.model"))
        elif isinstance(node, ast.ImportFrom):
            module = str(node.module)
            if module.split(".")[0] in ("torch", "transformers"):
                yield module
            elif module.startswith("deltaclip.model"):
                yield from (alias.name for alias in node.names if alias.name not in WITHOUT_A_MODEL)


def test_nothing_outside_encoder_and_training_touches_a_model() -> None:
    touching = {name: found for name, tree in sources_without_models() if (found := list(touches_a_model(tree)))}
    assert touching == {}


@pytest.mark.parametrize(
    "line",
    [
        "import torch.nn",
        "from transformers import CLIPModel",
        "import deltaclip.model.clip",
        "from deltaclip.model import load_checkpoint",
        "from deltaclip.model.clip import image_features",
        "encoder.engine._model.eval()",
    ],
)
def test_the_scan_finds_each_way_to_touch_one(line: str) -> None:
    assert list(touches_a_model(ast.parse(f"def work():\n    {line}")))
