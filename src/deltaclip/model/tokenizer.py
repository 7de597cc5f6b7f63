"""From a person's words to token ids, exactly as the tokenizer of each family makes them."""

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import Regex, models, pre_tokenizers

from deltaclip.errors import CheckpointError
from deltaclip.model.dialects import BEGIN_TOKEN, DIALECTS, END_TOKEN, Dialect, clean, dialect_of
from deltaclip.model.hub import fetch, is_hub_name
from deltaclip.model.vocabulary import read_bpe, read_merges, read_tokenizer_json

__all__ = ["TOKENIZER_FILES", "Tokenizer"]

UNKNOWN_TOKEN = "<|unknown|>"
PAD_TOKEN = "<|pad|>"
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt")


class Tokenizer:
    """Texts to token ids: the cleaning of its dialect, then a `tokenizers` model (byte pairs, unigrams, whole words).

    dialect: a name in `dialects.DIALECTS`, told by what is in the vocabulary.
    """

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        # The special tokens are found by the dialect's rule; `tokenizers` would find them in more places.
        inner.encode_special_tokens = True
        inner.no_padding()
        inner.no_truncation()
        self._inner = inner
        self._unknown = getattr(inner.model, "unk_token", None)
        if getattr(inner.model, "byte_fallback", False):  # what has no token of its own is spelt in bytes
            self._unknown = None
        self.dialect = dialect_of(inner)

    @property
    def _rule(self) -> Dialect:
        return DIALECTS[self.dialect]

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

    def around(self) -> tuple[int | None, int | None, int | None]:
        """The ids that begin, end and pad a text, as the vocabulary has them; None for what it has not."""
        rule = self._rule
        begin, end, pad = (
            None if token is None else self.token_id(token) for token in (rule.begin, rule.end, rule.pad)
        )
        return begin, end, pad

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without begin and end, however many they are."""
        return [[i for piece in self._pieces(text) for i in self._piece_ids(*piece)] for text in texts]

    def _pieces(self, text: str) -> Iterator[tuple[str, bool]]:
        """A text, cleaned, in pieces, and whether each is a special token."""
        return self._rule.pieces(self._rule.clean(text))

    def _piece_ids(self, piece: str, is_special: bool) -> list[int]:
        if is_special and (special := self.token_id(piece)) is not None:
            return [special]
        ids: list[int] = self._inner.encode(piece, add_special_tokens=False).ids
        return ids

    def rows(
        self, texts: Sequence[str], width: int, begin: int | None, end: int, pad: int, columns: int | None = None
    ) -> npt.NDArray[np.int64]:
        """One row of token ids a text: begin, the text, end, then pad; cut to the width with end as the last.

        width: tokens that are kept, at least 2. begin: None for texts that begin at once. columns: length of a row, at
        least the width; None for the width. Returns int64 (N, columns).
        """
        if width < 2:
            raise ValueError(f"a row needs room for begin and end, not {width}")
        rows = np.full((len(texts), width if columns is None else columns), pad, dtype=np.int64)
        first = [] if begin is None else [begin]
        for row, ids in zip(rows, self.encode(texts), strict=True):
            kept = [*first, *ids[: width - len(first) - 1], end]
            row[: len(kept)] = kept
        return rows

    def knows_a_word(self, text: str, besides: Collection[str] = ()) -> bool:
        """Whether the vocabulary has any word of a text; that of byte pairs has them all.

        besides: words that do not count, in small letters.
        """
        if self._unknown is None:
            return True
        unknown = self.token_id(self._unknown)
        plain = (piece for piece, is_special in self._pieces(text) if not is_special)
        encodings = (self._inner.encode(piece, add_special_tokens=False) for piece in plain)
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
        for piece, is_special in self._pieces(text):
            if not is_special:
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
