"""The ids that begin, end and pad a text: those of the configuration and of the tokenizer, brought into agreement."""

from transformers import CLIPConfig

from deltaclip.errors import CheckpointError
from deltaclip.model.sizes import ARGMAX_END
from deltaclip.model.spec import text_config
from deltaclip.model.tokenizer import BEGIN_TOKEN, END_TOKEN, Tokenizer

__all__ = ["check_tokenizer", "name_token_ids"]


def name_token_ids(config: CLIPConfig, tokenizer: Tokenizer | None, what: str) -> None:
    """Puts the true begin and end ids into a configuration that has none, or a different begin from its tokenizer.

    Old hub files say eos_token_id 2, by which transformers pools at the largest id of a row: the end token's, in CLIP.
    Named, it pools at the first end token, which is the same place, and callers read begin and end from one spot.
    A text begins with what the tokenizer calls its begin, as in transformers, whose model never reads bos_token_id.
    Raises CheckpointError for ids that are not in the vocabulary.
    """
    text = text_config(config)
    begin, end = (tokenizer.token_id(token) if tokenizer else None for token in (BEGIN_TOKEN, END_TOKEN))
    if text.eos_token_id == ARGMAX_END:
        text.bos_token_id = text.vocab_size - 2
        text.eos_token_id = text.vocab_size - 1 if end is None else end
        text.pad_token_id = 0
    if begin is not None:
        text.bos_token_id = begin
    ids = (text.bos_token_id, text.eos_token_id, text.pad_token_id)
    if not all(isinstance(token, int) and 0 <= token < text.vocab_size for token in ids):
        # transformers would pool every text at its first token, without a word.
        found = f"begin, end and pad ids {ids} in its configuration, of a vocabulary of {text.vocab_size}"
        remedy = "Set bos_token_id, eos_token_id and pad_token_id of text_config in config.json to the tokenizer's."
        raise CheckpointError(what, found, remedy)
    if text.eos_token_id == ARGMAX_END:
        found = f"a tokenizer that ends texts with {ARGMAX_END}, by which transformers pools at the largest id instead"
        raise CheckpointError(what, found, "Give the tokenizer of the CLIP, whose end token is not its third.")


def check_tokenizer(config: CLIPConfig, tokenizer: Tokenizer | None, what: str) -> None:
    """CheckpointError if a tokenizer makes ids the model has not, or begins or ends texts with a different token."""
    if tokenizer is None:
        return
    text = text_config(config)
    begin, end = tokenizer.token_id(BEGIN_TOKEN), tokenizer.token_id(END_TOKEN)
    if tokenizer.vocab_size > text.vocab_size or end not in (None, text.eos_token_id):
        found = (
            f"the tokenizer has {tokenizer.vocab_size} tokens and ends texts with {end}, "
            f"the model {text.vocab_size} and {text.eos_token_id}"
        )
        raise CheckpointError(what, found, "Give the tokenizer the model was trained with.")
    if begin not in (None, text.bos_token_id):
        found = f"the tokenizer begins texts with {begin}, the model with {text.bos_token_id}"
        raise CheckpointError(what, found, "Give the tokenizer the model was trained with.")
