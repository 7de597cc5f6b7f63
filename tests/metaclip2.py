"""A small random MetaCLIP 2 as transformers writes it, with a tokenizer.json of the parts of XLM-V's, trained here."""

from pathlib import Path

import tokenizers
import torch
from tokenizers import models, pre_tokenizers, processors, trainers
from transformers import CLIPImageProcessorPil, MetaClip2Config, MetaClip2Model

from tests.siglip import SENTENCES

__all__ = ["CONTEXT", "PATCH", "SIDE", "metaclip2_folder", "xlm_tokenizer"]

SIDE, PATCH, WIDTH, CONTEXT, VOCABULARY = 32, 8, 64, 20, 300
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def xlm_tokenizer() -> tokenizers.Tokenizer:
    """SentencePiece's unigrams with fairseq's special tokens first, as facebook/xlm-v-base has them."""
    made = tokenizers.Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=[*SPECIAL, "<mask>"], unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(SENTENCES, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(token, SPECIAL.index(token)) for token in ("<s>", "</s>")]
    )
    return made


def metaclip2_folder(folder: Path, seed: int = 0) -> Path:
    """What the hub has of one: config.json, model.safetensors, preprocessor_config.json, tokenizer.json."""
    tokenizer = xlm_tokenizer()
    sizes = {"hidden_size": WIDTH, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    config = MetaClip2Config(
        text_config={**sizes, **ids, "vocab_size": tokenizer.get_vocab_size(), "max_position_embeddings": CONTEXT},
        vision_config={**sizes, "image_size": SIDE, "patch_size": PATCH},
        projection_dim=32,
    )
    torch.manual_seed(seed)
    model = MetaClip2Model(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():  # none at a value that hides a mistake
            spread = 0.2 if weight.ndim < 2 or "embedding" in name else WIDTH**-0.5
            weight.copy_(torch.randn(weight.shape, generator=generator) * spread)
            if "norm" in name and name.endswith("weight"):
                weight.add_(1)
        model.logit_scale.fill_(2.3)
    model.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(
        folder
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
