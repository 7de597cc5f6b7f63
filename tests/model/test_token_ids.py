"""The ids that begin and end a text: the tokenizer's, as with transformers, whatever a configuration says."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.errors import CheckpointError
from deltaclip.model import (
    CheckpointRecord,
    Tokenizer,
    convert,
    load_checkpoint,
    model_spec,
    new_model,
    save_checkpoint,
    text_features,
)

from .conftest import SPEC, edit_config, make_plain, plainly_loaded


@torch.no_grad()
@pytest.mark.parametrize(
    "ids_said", [{"bos_token_id": 5}, {"bos_token_id": 0, "pad_token_id": 1}, {"bos_token_id": None}]
)
def test_a_text_begins_with_the_tokenizers_begin_whatever_the_configuration_says(
    folder: Path, ids_said: dict[str, int | None]
) -> None:
    # transformers never reads bos_token_id: its tokenizer puts the begin, so that a wrong one there is never noticed
    make_plain(folder)
    edit_config(folder, lambda values: values["text_config"].update(ids_said))
    original = plainly_loaded(folder)
    encoder = Encoder.load(folder, EncoderSpec(device="cpu", precision="float32"))
    expected = normalize(text_features(original, torch.tensor([[10, 8, 5, 6, 11]])), dim=-1)
    torch.testing.assert_close(torch.from_numpy(encoder.encode_texts(["the red square"])), expected)


def test_the_ids_are_those_of_the_tokenizer_that_convert_is_given(
    folder: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    make_plain(folder)
    (folder / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    edit_config(folder, lambda values: values["text_config"].update(bos_token_id=5))
    convert(clip=folder, tokenizer=tmp_path / "tokenizer.json", out=tmp_path / "out")
    assert model_spec(load_checkpoint(tmp_path / "out").model).begin == 10


def test_a_model_with_a_different_begin_is_not_saved_with_the_tokenizer(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model = new_model(replace(SPEC, begin=5), seed=0)
    with pytest.raises(CheckpointError, match="the tokenizer begins texts with 10, the model with 5"):
        save_checkpoint(tmp_path / "new", model, tokenizer, CheckpointRecord())
