"""From a person's words to token ids, exactly as CLIP's own tokenizer makes them."""

import hashlib
import html
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import ftfy
import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import Regex, models, pre_tokenizers

from deltaclip.errors import CheckpointError
from deltaclip.model.hub import fetch, is_hub_name
from deltaclip.model.vocabulary import read_bpe, read_merges, read_tokenizer_json

__all__ = ["BEGIN_TOKEN", "END_TOKEN", "TOKENIZER_FILES", "Tokenizer", "clean"]

BEGIN_TOKEN = "<|startoftext|>"
END_TOKEN = "<|endoftext|>"
UNKNOWN_TOKEN = "<|unknown|>"
PAD_TOKEN = "<|pad|>"
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt")
SPECIAL = re.compile("|".join(re.escape(token) for token in (BEGIN_TOKEN, END_TOKEN)))


def clean(text: str) -> str:
    """Text as CLIP sees it: encoding errors fixed, HTML entities unescaped twice, single spaces, lower case.

    Source: openai/CLIP, simple_tokenizer.py, basic_clean and whitespace_clean, in that order.
    """
    fixed = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", fixed.strip()).strip().lower()


class Tokenizer:
    """Texts to token ids: CLIP's cleaning, then a `tokenizers` model (byte pairs or whole words)."""

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        # The special tokens are found by _pieces, by CLIP's rule; `tokenizers` would find them in more places.
        inner.encode_special_tokens = True
        inner.no_padding()
        inner.no_truncation()
        self._inner = inner
        self._unknown = getattr(inner.model, "unk_token", None)

    @classmethod
    def from_source(cls, source: str | os.PathLike[str]) -> "Tokenizer":
        """A tokenizer.json, CLIP's bpe_simple_vocab_16e6.txt.gz, a folder or hub model with tokenizer files.

        Raises CheckpointError if there is none or it does not fit.
        """
        path = Path(source).expanduser()
        if path.is_dir():
            return cls._from_folder(path, str(source))
        if path.is_file():
            return cls(read_merges(path) if path.name.endswith((".txt", ".txt.gz")) else read_tokenizer_json(path))
        if is_hub_name(str(source)):
            needed = (("tokenizer.json", "vocab.json"),)
            return cls._from_folder(fetch(str(source), needed, ("merges.txt",)), str(source))
        remedy = "Give a tokenizer.json, CLIP's bpe_simple_vocab_16e6.txt.gz, or a hub name like owner/model."
        raise CheckpointError(str(source), "neither a tokenizer file here nor a hub name", remedy)

    @classmethod
    def _from_folder(cls, folder: Path, what: str) -> "Tokenizer":
        single, vocab, merges = (folder / name for name in TOKENIZER_FILES)
        if single.is_file():
            return cls(read_tokenizer_json(single))
        if vocab.is_file() and merges.is_file():
            return cls(read_bpe(vocab, merges))
        raise CheckpointError(
            what, "no tokenizer.json and no vocab.json with merges.txt", "Give one (--tokenizer FILE)."
        )

    @classmethod
    def from_words(cls, words: Iterable[str]) -> "Tokenizer":
        """A tokenizer of whole words, for small models: pad is 0, unknown is 1, begin and end are the last two ids.

        Letters and digits make words, all else is passed over.
        """
        known = sorted({word for text in words for word in re.findall(r"[^\W_]+", clean(text))})
        names = [PAD_TOKEN, UNKNOWN_TOKEN, *known, BEGIN_TOKEN, END_TOKEN]
        inner = tokenizers.Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, UNKNOWN_TOKEN))
        inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\p{L}\p{N}]+"), "removed", invert=True)
        inner.add_special_tokens([PAD_TOKEN, UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN])
        return cls(inner)

    @property
    def vocab_size(self) -> int:
        """Number of token ids, special ones included."""
        return self._inner.get_vocab_size()

    def token_id(self, token: str) -> int | None:
        """The id of a token as the vocabulary spells it, or None."""
        found: int | None = self._inner.token_to_id(token)
        return found

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without begin and end, however many they are."""
        return [[i for piece in _pieces(clean(text)) for i in self._piece_ids(piece)] for text in texts]

    def _piece_ids(self, piece: str) -> list[int]:
        if SPECIAL.fullmatch(piece) and (special := self.token_id(piece)) is not None:
            return [special]
        ids: list[int] = self._inner.encode(piece, add_special_tokens=False).ids
        return ids

    def rows(self, texts: Sequence[str], width: int, begin: int, end: int, pad: int) -> npt.NDArray[np.int64]:
        """One row of token ids a text: begin, the text, end, then pad; cut to the width with end as the last.

        width: columns, at least 2. Returns int64 (N, width).
        """
        if width < 2:
            raise ValueError(f"a row needs room for begin and end, not {width}")
        rows = np.full((len(texts), width), pad, dtype=np.int64)
        for row, ids in zip(rows, self.encode(texts), strict=True):
            kept = [begin, *ids[: width - 2], end]
            row[: len(kept)] = kept
        return rows

    def knows_a_word(self, text: str, besides: Collection[str] = ()) -> bool:
        """Whether the vocabulary has any word of a text; that of byte pairs has them all.

        besides: words that do not count, in small letters.
        """
        if self._unknown is None:
            return True
        unknown = self.token_id(self._unknown)
        pieces = (piece for piece in _pieces(clean(text)) if not SPECIAL.fullmatch(piece))
        encodings = (self._inner.encode(piece, add_special_tokens=False) for piece in pieces)
        known = (token for each in encodings for i, token in zip(each.ids, each.tokens, strict=True) if i != unknown)
        return any(token not in besides for token in known)

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """The words of a text the vocabulary lacks, cleaned, in their order, each once.

        Empty for byte pairs, which spell any word.
        """
        if self._unknown is None:
            return ()
        unknown = self.token_id(self._unknown)
        found: dict[str, None] = {}
        for piece in _pieces(clean(text)):
            if not SPECIAL.fullmatch(piece):
                encoding = self._inner.encode(piece, add_special_tokens=False)
                spans = zip(encoding.ids, encoding.offsets, strict=True)
                found |= dict.fromkeys(piece[start:end] for i, (start, end) in spans if i == unknown)
        return tuple(found)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a tokenizer.json that `from_source` and the tokenizers library read. Raises OSError."""
        # Not by `save` of the library, which makes a bare Exception of a full disk.
        Path(path).write_text(self._inner.to_str(pretty=True), encoding="utf-8")

    def digest(self) -> str:
        """A sha256 in hex that changes with anything that could change a token."""
        return hashlib.sha256(self._inner.to_str().encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Tokenizer({type(self._inner.model).__name__}, {self.vocab_size} tokens)"


def _pieces(text: str) -> Iterator[str]:
    """Cuts cleaned text around the special tokens that CLIP's pattern finds in it.

    CLIP scans from the left: a special token inside a run of punctuation ("!<|endoftext|>") is swallowed by the run
    and counts as plain text. It counts as one token only where a run cannot reach it: at the start, or after a blank,
    a letter, a digit or another such token.
    """
    done = 0
    for match in SPECIAL.finditer(text):
        start = match.start()
        if start == 0 or (start == done and done > 0) or text[start - 1].isspace() or _is_word(text[start - 1]):
            if start > done:
                yield text[done:start]
            yield match.group()
            done = match.end()
    if done < len(text):
        yield text[done:]


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"
