"""`--interaction`: the encoder's own tokens and frames, marked as not indexable, and apart from one mean a video."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.encoder import Encoder
from deltaclip.errors import CheckpointError, EngineError
from deltaclip.evaluation import (
    TABLE_FORMATS,
    DualSoftmax,
    Evaluation,
    Material,
    VectorCache,
    encode_frame_rows,
    encode_material,
    evaluate_interaction,
    evaluate_material,
    protocol_marks,
    saved_ranks,
)
from deltaclip.evaluation.token_scores import part_rows
from deltaclip.model import HeadSizes, Tokenizer, TokenWeights, load_checkpoint, save_checkpoint, with_temporal_head
from deltaclip.reader import Clip, read_video
from deltaclip.shapes import VOCABULARY
from tests.encoder.test_engines import ToyEngine
from tests.evaluation.test_token_scores import by_loop
from tests.helpers import small_checkpoint, write_square
from tests.siglip import siglip_folder

WIDTH = 16


def networks() -> TokenWeights:
    rng = np.random.default_rng(3)
    arrays: dict[str, NDArray[np.float64]] = {}
    for side in ("text", "video"):
        arrays |= {f"{side}.0.weight": rng.normal(size=(1, WIDTH)), f"{side}.0.bias": rng.normal(size=1)}
    return TokenWeights({name: array.astype(np.float32) for name, array in arrays.items()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with a temporal head that acts, and with weights of token-wise interaction."""
    folder = small_checkpoint(tmp_path_factory.mktemp("e") / "small", motion="difference")
    loaded = load_checkpoint(folder)
    model = with_temporal_head(loaded.model, HeadSizes(layers=1, positions=6), seed=0)
    model.get_parameter("temporal_head.out.weight").data.fill_(0.05)
    save_checkpoint(folder, model, loaded.tokenizer, loaded.record, networks())
    return folder


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder.load(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    place = tmp_path_factory.mktemp("videos")
    paths = [write_square(place / f"{step}.mp4", step=step) for step in (1, 2, 3)]
    texts = ("red", "a square", "moves", "the red square moves")
    return Material("d", "test", ("one", "two", "three"), tuple(paths), texts, np.array([0, 1, 2, 0]))


@pytest.fixture(scope="module")
def whole(encoder: Encoder, material: Material) -> Evaluation:
    return evaluate_material(encoder, encode_material(encoder, material))


def clips_of(encoder: Encoder, material: Material) -> list[Clip]:
    return [read_video(path, encoder.reader_spec) for path in material.paths]


def test_the_vector_of_a_video_is_the_mean_of_its_frames(
    encoder: Encoder, material: Material, whole: Evaluation
) -> None:
    frames = encoder.encode_frames(clips_of(encoder, material))
    assert [rows.shape for rows in frames] == [(4, WIDTH)] * 3
    for rows, vector in zip(frames, whole.vectors.videos, strict=True):
        mean = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0)
        np.testing.assert_allclose(mean / np.linalg.norm(mean), vector, atol=1e-5)


def test_tokens_are_begin_the_words_and_end_whose_feature_is_that_of_the_text(encoder: Encoder) -> None:
    tokens = encoder.encode_tokens(["red", "a red square"])
    assert [len(rows) for rows in tokens] == [3, 5]
    for rows, vector in zip(tokens, encoder.encode_texts(["red", "a red square"]), strict=True):
        np.testing.assert_allclose(rows[-1] / np.linalg.norm(rows[-1]), vector, atol=1e-5)
    shorter = encoder.with_options(max_words=5)
    np.testing.assert_allclose(shorter.encode_tokens(["red"])[0], tokens[0], atol=1e-6)
    assert [len(rows) for rows in shorter.encode_tokens(["a red square moves"])] == [5]


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_tokens_of_a_siglip_end_before_its_padding(kind: str, tmp_path: Path) -> None:
    encoder = Encoder.load(siglip_folder(tmp_path / kind, kind), device="cpu")  # type: ignore[arg-type]
    words = encoder.need_tokenizer().encode(["a dog runs"])[0]
    [tokens] = encoder.encode_tokens(["a dog runs"])
    assert len(tokens) == len(words) + 1  # no begin


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_a_loop_over_the_encoders_own_features(
    encoder: Encoder, material: Material, whole: Evaluation, weighted: bool
) -> None:
    weights = encoder.need_token_weights() if weighted else None
    told: list[tuple[int, int]] = []
    frames = encode_frame_rows(encoder, material, weights, progress=lambda *two: told.append(two))
    found = evaluate_interaction(encoder, whole, frames, weights)
    assert told == [(1, 3), (2, 3), (3, 3)]
    expected = by_loop(
        encoder.encode_tokens(material.texts), encoder.encode_frames(clips_of(encoder, material)), weights
    )
    scores = np.zeros((4, 3))
    for rows, block in found.scored.blocks.plain():
        scores[rows] = block
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert saved_ranks(found).ranks.tolist() == found.ranking.t2v.pessimistic.tolist()


def test_every_form_says_that_a_library_cannot_search_so(
    encoder: Encoder, material: Material, whole: Evaluation
) -> None:
    weights, post = encoder.need_token_weights(), DualSoftmax()
    dsl = evaluate_material(encoder, whole.vectors, post)
    found = evaluate_interaction(encoder, dsl, encode_frame_rows(encoder, material, weights), weights, post)
    mark = "weighted token-wise interaction, not indexable: 4 vectors a video"
    for form in TABLE_FORMATS.values():
        lines = form(found)
        assert sum(mark in line for line in lines) >= 1
        assert any("T2V R@1 by one mean a video" in line for line in lines)
    document = found.to_json()
    assert document["protocol"]["interaction"]["weights"] == weights.digest
    assert document["protocol"]["pooling"] == "none"
    assert protocol_marks(document["protocol"]) == (mark, "post-processing dsl (temperature 100)")
    assert document["whole"]["protocol"]["interaction"] is None
    cost = document["cost"]
    assert (cost["indexable"], cost["vectors_a_video"], cost["bytes_a_video"]) == (False, 4, 4 * (WIDTH + 1) * 4)
    assert document["whole"]["cost"]["indexable"] is True


def test_the_cache_has_vectors_of_one_mean_alone(folder: Path, material: Material, tmp_path: Path) -> None:
    encoder, cache = Encoder.load(folder, device="cpu", precision="float32"), VectorCache(tmp_path)
    before = encode_material(encoder, material, cache=cache)
    entries = {path.name: path.read_bytes() for path in tmp_path.rglob("*.npz")}
    frames = encode_frame_rows(encoder, material)
    evaluate_interaction(encoder, evaluate_material(encoder, before), frames)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.npz")} == entries
    np.testing.assert_array_equal(encode_material(encoder, material, cache=cache).videos, before.videos)


def test_a_checkpoint_without_weights_is_refused_with_what_to_do(tmp_path: Path) -> None:
    encoder = Encoder.load(small_checkpoint(tmp_path / "bare"), device="cpu")
    with pytest.raises(CheckpointError, match=r"no weights of token-wise interaction.*--interaction token"):
        encoder.need_token_weights()


def test_options_keep_the_weights_and_an_engine_of_vectors_alone_is_refused(encoder: Encoder) -> None:
    assert encoder.with_options(max_words=5).token_weights is encoder.token_weights
    tokenizer = Tokenizer.from_words(VOCABULARY)
    toy = Encoder("toy", ToyEngine(tokenizer.vocab_size), tokenizer)
    with pytest.raises(EngineError, match="gives vectors, and no features of frames or tokens"):
        toy.encode_tokens(["red"])


def test_one_part_of_a_text_has_all_the_weight() -> None:
    rows = part_rows([np.ones((1, WIDTH), np.float32)], networks().of_tokens)
    assert rows.weights.tolist() == [1]
