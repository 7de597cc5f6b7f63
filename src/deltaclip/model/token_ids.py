"""The ids that begin, end and pad a text: those of the configuration and of the tokenizer, brought into agreement."""

from deltaclip.errors import CheckpointError
from deltaclip.model.families import CLIP, Family
from deltaclip.model.families.wiring import DualConfig, family_of
from deltaclip.model.sizes import ARGMAX_END
from deltaclip.model.spec import text_config
from deltaclip.model.tokenizer import Tokenizer

__all__ = ["check_tokenizer", "name_token_ids"]

OTHER = "Give the tokenizer the model was trained with."


def name_token_ids(config: DualConfig, tokenizer: Tokenizer | None, what: str) -> None:
    """Puts the true begin, end and pad ids into a configuration that lacks them, or differs from its tokenizer.

    Raises CheckpointError for ids that are not in the vocabulary, and for a tokenizer of a different family.
    """
    family = family_of(config)
    if tokenizer is not None:
        _require_room(config, tokenizer, what)
    if tokenizer is not None and tokenizer.dialect not in family.dialects:
        raise CheckpointError(what, f"a tokenizer of {_owner(tokenizer)} beside a model of {family.title}", OTHER)
    if family.whole_rows:
        _take_tokens(config, family, tokenizer, what)
    else:
        _correct_tokens(config, tokenizer, what)


def _require_room(config: DualConfig, tokenizer: Tokenizer, what: str) -> None:
    if tokenizer.vocab_size > (room := text_config(config).vocab_size):
        raise CheckpointError(what, f"a tokenizer of {tokenizer.vocab_size:,} tokens beside a model of {room:,}", OTHER)


def _owner(tokenizer: Tokenizer) -> str:
    return {"clip": "CLIP", "siglip": "SigLIP", "siglip2": "SigLIP 2", "xlm": "XLM-V"}[tokenizer.dialect]


def _take_tokens(config: DualConfig, family: Family, tokenizer: Tokenizer | None, what: str) -> None:
    """Ids by the tokenizer alone: published configurations of such families have ones that are not used, and wrong."""
    text = text_config(config)
    end, pad = (text.eos_token_id, text.pad_token_id) if tokenizer is None else tokenizer.around()[1:]
    text.bos_token_id = None
    if not _within(end, text.vocab_size) or not _within(pad, text.vocab_size):
        found = f"no tokenizer.json that names the tokens that end and pad texts of {family.title}"
        remedy = "Fetch tokenizer.json into its folder; spiece.model alone cannot be read."
        raise CheckpointError(what, found, remedy)
    text.eos_token_id, text.pad_token_id = end, pad


def _within(token: object, vocab_size: int) -> bool:
    return isinstance(token, int) and 0 <= token < vocab_size


def _correct_tokens(config: DualConfig, tokenizer: Tokenizer | None, what: str) -> None:
    """Ids by the configuration, whose begin may be another than the tokenizer's.

    Old hub files of CLIP say eos_token_id 2, by which transformers pools at the largest id of a row: the end token's.
    Named, it pools at the first end token, which is the same place, and callers read begin and end from one spot.
    A text begins with what the tokenizer calls its begin, as in transformers, whose model never reads bos_token_id.
    """
    text = text_config(config)
    begin, end, _ = tokenizer.around() if tokenizer else (None, None, None)
    has_argmax = family_of(config) is CLIP
    if has_argmax and text.eos_token_id == ARGMAX_END:
        text.bos_token_id = text.vocab_size - 2
        text.eos_token_id = text.vocab_size - 1 if end is None else end
        text.pad_token_id = 0
    if begin is not None:
        text.bos_token_id = begin
    ids = (text.bos_token_id, text.eos_token_id, text.pad_token_id)
    if not all(_within(token, text.vocab_size) for token in ids):
        # transformers would pool every text at its first token, without a word.
        found = f"begin, end and pad ids {ids} in its configuration, of a vocabulary of {text.vocab_size}"
        remedy = "Set bos_token_id, eos_token_id and pad_token_id of text_config in config.json to the tokenizer's."
        raise CheckpointError(what, found, remedy)
    if has_argmax and text.eos_token_id == ARGMAX_END:
        found = f"a tokenizer that ends texts with {ARGMAX_END}, by which transformers pools at the largest id instead"
        raise CheckpointError(what, found, "Give the tokenizer of the CLIP, whose end token is not its third.")


def check_tokenizer(config: DualConfig, tokenizer: Tokenizer | None, what: str) -> None:
    """CheckpointError if a tokenizer makes ids the model has not, or begins or ends texts with a different token."""
    if tokenizer is None:
        return
    _require_room(config, tokenizer, what)
    text = text_config(config)
    begin, end, _ = tokenizer.around()
    if end not in (None, text.eos_token_id):
        raise CheckpointError(what, f"the tokenizer ends texts with {end}, the model with {text.eos_token_id}", OTHER)
    if begin not in (None, text.bos_token_id):
        found = f"the tokenizer begins texts with {begin}, the model with {text.bos_token_id}"
        raise CheckpointError(what, found, OTHER)
