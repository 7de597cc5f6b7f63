"""Our token ids against those of openai/CLIP's own tokenizer, exactly."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import CLIPTokenizer

from deltaclip.model import Tokenizer

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def golden(real_data: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((real_data / "golden" / "clip_bpe_tokens.json").read_text(encoding="utf-8"))
    return values


@pytest.fixture(scope="module")
def tokenizer(real_data: Path) -> Tokenizer:
    return Tokenizer.from_source(real_data / "golden" / "bpe_simple_vocab_16e6.txt.gz")


def test_every_text_has_the_ids_of_the_original(golden: dict[str, Any], tokenizer: Tokenizer) -> None:
    items = golden["items"]
    assert len(items) == 173
    assert tokenizer.encode([item["text"] for item in items]) == [item["ids"] for item in items]


@pytest.mark.parametrize("width", [77, 32])
def test_every_row_is_that_of_the_original(golden: dict[str, Any], tokenizer: Tokenizer, width: int) -> None:
    begin, end, pad = (golden[name] for name in ("sot", "eot", "pad"))
    rows = tokenizer.rows([item["text"] for item in golden["items"]], width, begin, end, pad).tolist()
    for item, row in zip(golden["items"], rows, strict=True):
        whole = [begin, *item["ids"], end]
        expected = item[f"row{width}"] if len(whole) > width else whole + [pad] * (width - len(whole))
        assert row == expected


def test_the_vocabulary_has_the_original_size_and_ends(golden: dict[str, Any], tokenizer: Tokenizer) -> None:
    assert tokenizer.vocab_size == golden["vocab_size"]
    assert tokenizer.token_id("<|startoftext|>") == golden["sot"]
    assert tokenizer.token_id("<|endoftext|>") == golden["eot"]


def test_a_tokenizer_json_written_by_transformers_gives_the_same_ids(
    golden: dict[str, Any], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path / "ours.json")
    model = json.loads((tmp_path / "ours.json").read_text(encoding="utf-8"))["model"]
    merges: Any = [tuple(pair) for pair in model["merges"]]  # typed as strings, wanted as pairs
    theirs = CLIPTokenizer(vocab=model["vocab"], merges=merges)
    theirs.save_pretrained(tmp_path)
    ids = Tokenizer.from_source(tmp_path).encode([item["text"] for item in golden["items"]])
    assert ids == [item["ids"] for item in golden["items"]]


def test_a_saved_tokenizer_json_gives_the_same_ids(
    golden: dict[str, Any], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    texts = [item["text"] for item in golden["items"]]
    assert Tokenizer.from_source(tmp_path / "tokenizer.json").encode(texts) == [item["ids"] for item in golden["items"]]
