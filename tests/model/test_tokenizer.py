"""Texts to token ids: cleaning, special tokens, rows; the exact ids of CLIP stand in tests/real."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from deltaclip.errors import CheckpointError
from deltaclip.model import Tokenizer
from deltaclip.model.dialects import clean
from deltaclip.model.vocabulary import _byte_alphabet

TOKENIZER = Tokenizer.from_words(["the red circle moves while the blue square stays"])
BEGIN, END = 10, 11


def write_bpe(folder: Path) -> Path:
    """A byte-pair vocabulary with four merges, in the two files of a transformers folder."""
    alphabet = _byte_alphabet()
    merges = ["r e", "re d</w>", "i n", "in g</w>"]
    names = [*alphabet, *(letter + "</w>" for letter in alphabet), "re", "red</w>", "in", "ing</w>"]
    names += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return folder


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  A  Red\n\tcircle ", "a red circle"),
        ("rock &amp;amp; roll", "rock & roll"),
        ("&lt;b&gt;", "<b>"),
        ("caf\u00c3\u00a9", "caf\u00e9"),
        ("\uff32\uff45\uff44", "red"),
        ("it\u2019s", "it's"),
        ("", ""),
    ],
)
def test_text_is_cleaned_as_clip_cleans_it(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_words_get_their_ids_whatever_case_and_punctuation() -> None:
    assert TOKENIZER.encode(["The RED circle, moves!"]) == TOKENIZER.encode(["the red circle moves"]) == [[8, 5, 3, 4]]


def test_words_are_numbered_between_pad_and_begin() -> None:
    names = ["<|pad|>", "<|unknown|>", "blue", "stays", "while", "<|startoftext|>", "<|endoftext|>", "purple"]
    assert [TOKENIZER.token_id(name) for name in names] == [0, 1, 2, 7, 9, BEGIN, END, None]


def test_unknown_words_are_told_once_and_in_order() -> None:
    assert TOKENIZER.unknown_words("A purple Circle moves, a PURPLE ring!") == ("a", "purple", "ring")
    assert TOKENIZER.encode(["purple circle"]) == [[1, 3]]


def test_byte_pairs_know_every_word(tmp_path: Path) -> None:
    assert Tokenizer.from_source(write_bpe(tmp_path)).unknown_words("purple ring \u4e2d") == ()


def test_byte_pairs_merge_in_order_and_mark_the_ends_of_words(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_source(write_bpe(tmp_path))
    names = {i: name for name, i in json.loads((tmp_path / "vocab.json").read_text()).items()}
    (ids,) = tokenizer.encode(["Red ring's"])
    assert [names[i] for i in ids] == ["red</w>", "r", "ing</w>", "'", "s</w>"]


def test_the_files_of_a_transformers_folder_give_the_ids_of_transformers(tmp_path: Path) -> None:
    write_bpe(tmp_path)
    texts = ["a red ring", "it's 2024, isn't it?", "\u00e9t\u00e9 \u4e2d\u6587"]
    theirs = CLIPTokenizer.from_pretrained(tmp_path)
    expected = [theirs(text, add_special_tokens=False).input_ids for text in texts]
    assert Tokenizer.from_source(tmp_path).encode(texts) == expected


@pytest.mark.parametrize(
    ("text", "specials"),
    [
        ("<|endoftext|>", 1),
        ("red<|ENDOFTEXT|>red", 1),
        ("red <|endoftext|><|endoftext|> red", 2),
        ("red !<|endoftext|>", 0),
        ("<|endoftext|>!<|endoftext|>", 1),
        ("<|endoftext", 0),
    ],
)
def test_a_special_token_counts_only_where_clips_pattern_finds_it(tmp_path: Path, text: str, specials: int) -> None:
    tokenizer = Tokenizer.from_source(write_bpe(tmp_path))
    (ids,) = tokenizer.encode([text])
    assert ids.count(tokenizer.vocab_size - 1) == specials


def test_a_row_is_begin_text_end_and_padding() -> None:
    rows = TOKENIZER.rows(["red circle", ""], width=5, begin=BEGIN, end=END, pad=0)
    assert rows.dtype == np.int64
    assert rows.tolist() == [[BEGIN, 5, 3, END, 0], [BEGIN, END, 0, 0, 0]]


def test_a_text_too_long_is_cut_and_keeps_its_end() -> None:
    rows = TOKENIZER.rows(["the red circle moves"], width=4, begin=BEGIN, end=END, pad=0)
    assert rows.tolist() == [[BEGIN, 8, 5, END]]


def test_a_row_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="room for begin and end"):
        TOKENIZER.rows(["red"], width=1, begin=BEGIN, end=END, pad=0)


@given(st.text(alphabet="redcirlbu \n!\u4e2d&;", max_size=30), st.integers(2, 12))
def test_every_row_begins_and_ends_and_is_padded_after(text: str, width: int) -> None:
    (row,) = TOKENIZER.rows([text], width, BEGIN, END, 0).tolist()
    end = row.index(END)
    assert row[0] == BEGIN
    assert row.count(END) == 1
    assert not any(row[end + 1 :])


@given(st.text(max_size=40))
def test_cleaned_text_has_single_blanks_only_and_none_at_its_ends(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == " ".join(cleaned.split())


def test_a_saved_tokenizer_gives_the_same_ids(tmp_path: Path) -> None:
    texts = ["the red circle", "purple <|endoftext|>"]
    for tokenizer in (TOKENIZER, Tokenizer.from_source(write_bpe(tmp_path))):
        tokenizer.save(tmp_path / "saved.json")
        assert Tokenizer.from_source(tmp_path / "saved.json").encode(texts) == tokenizer.encode(texts)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("tokenizer.json", b"{}", "not a tokenizer.json"),
        ("tokenizer.json", b"<!doctype html>", "a web page"),
        ("vocab.txt.gz", b"\x1f\x8b\x08 cut", "not a list of merges"),
        ("vocab.txt.gz", gzip.compress(b"#version\na b\n", mtime=0), "1 merges, but CLIP has 48894"),
        ("vocab.txt", b"#version\n" + 48894 * b"a b c\n", "a line that is not two parts"),
        ("vocab.txt", b"", "an empty file"),
    ],
)
def test_a_file_that_is_no_vocabulary_is_named(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=found):
        Tokenizer.from_source(tmp_path / name)


def test_merges_that_the_vocabulary_lacks_are_named(tmp_path: Path) -> None:
    (write_bpe(tmp_path) / "merges.txt").write_text("#version\nq q\n")
    with pytest.raises(CheckpointError, match="a vocabulary and merges that do not fit"):
        Tokenizer.from_source(tmp_path)


def test_a_folder_without_a_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no tokenizer.json and no vocab.json"):
        Tokenizer.from_source(tmp_path)


def test_a_name_that_is_nothing_is_said_to_be_so() -> None:
    with pytest.raises(CheckpointError, match="neither a tokenizer file here nor a hub name"):
        Tokenizer.from_source("nowhere.json")
