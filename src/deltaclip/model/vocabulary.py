"""Reads the files a vocabulary comes in, and builds CLIP's byte pairs from them with the tokenizers library."""

import gzip
import json
import zlib
from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers

from deltaclip.errors import CheckpointError
from deltaclip.model.downloads import check_start

# openai/CLIP, simple_tokenizer.py: the file holds more merges than the vocabulary takes.
NUM_MERGES = 49152 - 256 - 2
SPECIAL_TOKENS = ["<|startoftext|>", "<|endoftext|>"]
WORD_END = "</w>"
# The same file, self.pat without its special tokens; (?i:) because it is compiled with IGNORECASE.
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
AGAIN = "Download it again, or give the tokenizer.json of the model."


def read_tokenizer_json(path: Path) -> tokenizers.Tokenizer:
    """The tokenizer in a tokenizer.json; CheckpointError if it is not one."""
    check_start(path)
    try:
        return tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as err:  # the library raises bare Exception for any text it cannot read
        raise CheckpointError(str(path), f"not a tokenizer.json ({err})", AGAIN) from err


def read_merges(path: Path) -> tokenizers.Tokenizer:
    """CLIP's tokenizer from its own bpe_simple_vocab_16e6.txt.gz (or the same unpacked)."""
    check_start(path)
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as err:
        raise CheckpointError(str(path), f"not a list of merges ({err})", AGAIN) from err
    lines = text.strip("\n").split("\n")[1 : NUM_MERGES + 1]  # the first line is a version
    if len(lines) < NUM_MERGES:
        raise CheckpointError(str(path), f"{len(lines)} merges, but CLIP has {NUM_MERGES}", AGAIN)
    merges = _pairs(lines, path)
    alphabet = _byte_alphabet()
    names = [
        *alphabet,
        *(letter + WORD_END for letter in alphabet),
        *(left + right for left, right in merges),
        *SPECIAL_TOKENS,
    ]
    return _byte_pairs({name: i for i, name in enumerate(names)}, merges, path)


def read_bpe(vocab: Path, merges: Path) -> tokenizers.Tokenizer:
    """CLIP's tokenizer from the vocab.json and merges.txt that transformers folders hold."""
    check_start(vocab)
    check_start(merges)
    try:
        ids = json.loads(vocab.read_text(encoding="utf-8"))
        lines = merges.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as err:
        raise CheckpointError(str(vocab.parent), f"not a vocab.json with merges.txt ({err})", AGAIN) from err
    return _byte_pairs(ids, _pairs([line for line in lines[1:] if line], merges), vocab)


def _pairs(lines: list[str], path: Path) -> list[tuple[str, str]]:
    """One merge a line, its two halves parted by a blank."""
    pairs = [tuple(line.split()) for line in lines]
    if any(len(pair) != 2 for pair in pairs):
        raise CheckpointError(str(path), "a line that is not two parts of a word", AGAIN)
    return [(pair[0], pair[1]) for pair in pairs]


def _byte_pairs(ids: dict[str, int], merges: list[tuple[str, str]], path: Path) -> tokenizers.Tokenizer:
    try:
        model = models.BPE(ids, merges, continuing_subword_prefix="", end_of_word_suffix=WORD_END)
    except Exception as err:  # bare Exception again, for a merge whose word the vocabulary lacks
        raise CheckpointError(str(path), f"a vocabulary and merges that do not fit ({err})", AGAIN) from err
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    return tokenizer


def _byte_alphabet() -> list[str]:
    """The 256 letters that represent bytes, in the order of CLIP's ids.

    Bytes that print in Latin-1 represent themselves and come first; the others follow as the letters from 256 on
    (openai/CLIP, simple_tokenizer.py, bytes_to_unicode).
    """
    printing = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = 256 - len(printing)
    return [chr(code) for code in printing] + [chr(256 + i) for i in range(others)]
