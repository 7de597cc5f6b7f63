"""What the tokenizers of families differ in, besides their vocabulary: cleaning, and the tokens around a text."""

import html
import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import ftfy
import tokenizers

__all__ = ["BEGIN_TOKEN", "DIALECTS", "END_TOKEN", "Dialect", "clean", "dialect_of"]

BEGIN_TOKEN = "<|startoftext|>"
END_TOKEN = "<|endoftext|>"
SPECIAL = re.compile("|".join(re.escape(token) for token in (BEGIN_TOKEN, END_TOKEN)))
CONTROL = re.compile(r"<(/?s|pad|unk|mask)>")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def clean(text: str) -> str:
    """Text as CLIP sees it: encoding errors fixed, HTML entities unescaped twice, single spaces, lower case.

    Source: openai/CLIP, simple_tokenizer.py, basic_clean and whitespace_clean, in that order.
    """
    fixed = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", fixed.strip()).strip().lower()


def _canonical(text: str) -> str:
    """Text as SigLIP sees it: lower case, no ASCII punctuation, single spaces.

    Source: big_vision, evaluators/proj/image_text/prompt_engineering.py, canonicalize_text.
    """
    return re.sub(r"\s+", " ", text.lower().translate(NO_PUNCTUATION)).strip()


def _no_control(text: str) -> str:
    """Text in which no control token of XLM-V is spelt, which its vocabulary would find: the text would end there."""
    return CONTROL.sub(r"< \1>", text)


def _clip_pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Cuts cleaned text around the special tokens that CLIP's pattern finds in it, and says which are such tokens.

    CLIP scans from the left: a special token inside a run of punctuation ("!<|endoftext|>") is swallowed by the run
    and counts as plain text. It counts as one token only where a run cannot reach it: at the start, or after a blank,
    a letter, a digit or another such token.
    """
    done = 0
    for match in SPECIAL.finditer(text):
        start = match.start()
        if start == 0 or (start == done and done > 0) or text[start - 1].isspace() or _is_word(text[start - 1]):
            if start > done:
                yield text[done:start], False
            yield match.group(), True
            done = match.end()
    if done < len(text):
        yield text[done:], False


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def _one_piece(text: str) -> Iterator[tuple[str, bool]]:
    """The whole text: what looks like a special token in it is plain text."""
    yield text, False


@dataclass(frozen=True, slots=True)
class Dialect:
    """begin, end, pad: tokens around a text, as the vocabulary spells them. begin: None for texts that begin at once.
    pad: None for id 0, which is CLIP's whatever it is called.

    clean: what is done to a text first. pieces: a cleaned text in pieces, and whether each is a special token.
    """

    begin: str | None
    end: str
    pad: str | None
    clean: Callable[[str], str]
    pieces: Callable[[str], Iterator[tuple[str, bool]]]


DIALECTS: Mapping[str, Dialect] = {
    "clip": Dialect(BEGIN_TOKEN, END_TOKEN, None, clean, _clip_pieces),
    "siglip": Dialect(None, "</s>", "</s>", _canonical, _one_piece),
    "siglip2": Dialect(None, "<eos>", "<pad>", str.lower, _one_piece),
    "xlm": Dialect("<s>", "</s>", "<pad>", _no_control, _one_piece),
}
"""By name. xlm: of MetaCLIP 2, which does nothing else to a text first (facebookresearch/MetaCLIP,
src/mini_clip/factory.py, get_tokenizer). siglip2: transformers' Siglip2Tokenizer is Gemma's, after small letters are
made."""


def dialect_of(inner: tokenizers.Tokenizer) -> str:
    """The name of a tokenizer's dialect, by what is in it; CLIP's if nothing tells.

    CLIP's has its own special tokens; SigLIP's is SentencePiece's unigrams and ends texts with </s>, as XLM-V's is and
    does, which begins them with <s>; SigLIP 2's has Gemma's <eos> and <pad>.
    """

    def has(*tokens: str) -> bool:
        return all(inner.token_to_id(token) is not None for token in tokens)

    if has(END_TOKEN):
        return "clip"
    if has("<eos>", "<pad>"):
        return "siglip2"
    if type(inner.model).__name__ != "Unigram" or not has("</s>"):
        return "clip"
    return "xlm" if has("<s>", "<pad>") else "siglip"
