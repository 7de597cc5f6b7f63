"""Small random SigLIPs as transformers writes them, each with a real tokenizer.json that is trained here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import tokenizers
import torch
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

SIDE, PATCH, WIDTH, CONTEXT, VOCABULARY = 32, 8, 64, 16, 300
NO_IDS = {"bos_token_id": None, "eos_token_id": None}
"""Published files name none; transformers warns of those that it takes instead."""
SENTENCES = (
    "the red circle moves to the left while the blue square stays",
    "a dog runs to the right; a person jumps over the small green fence",
    "nothing moves, and a hand waves up and down",
)
Kind = Literal["siglip", "siglip2"]


def siglip_tokenizer(kind: Kind, sentences: Sequence[str] = SENTENCES) -> tokenizers.Tokenizer:
    """As in the files of google/siglip2-base-patch16-224 (Gemma's byte pairs), or of google/siglip-base-patch16-224
    (SentencePiece's unigrams): the same parts, with a small vocabulary.
    """
    trainer: trainers.Trainer
    if kind == "siglip2":
        made = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        made.normalizer = normalizers.Replace(" ", "▁")
        made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
        bytes_too = [f"<0x{number:02X}>" for number in range(256)]
        special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
        trainer = trainers.BpeTrainer(vocab_size=VOCABULARY + 256, special_tokens=special + bytes_too)
        made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        end = ("<eos>", 1)
    else:
        made = tokenizers.Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        special = ["<pad>", "</s>", "<unk>"]
        trainer = trainers.UnigramTrainer(vocab_size=VOCABULARY, special_tokens=special, unk_token="<unk>")
        end = ("</s>", 1)
    made.train_from_iterator(sentences, trainer)
    made.post_processor = processors.TemplateProcessing(single=f"$A {end[0]}", special_tokens=[end])
    made.add_special_tokens([AddedToken(end[0], special=True, normalized=False)])
    return made


def siglip_model(seed: int = 0, vocabulary: int = VOCABULARY + 256) -> SiglipModel:
    """A model of three channels none of whose weights is at a value that hides a mistake."""
    sizes = {"hidden_size": WIDTH, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = SiglipConfig(
        text_config={**sizes, "vocab_size": vocabulary, "max_position_embeddings": CONTEXT, **NO_IDS},
        vision_config={**sizes, "image_size": SIDE, "patch_size": PATCH},
    )
    model = SiglipModel(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            spread = 0.2 if weight.ndim < 2 or "embedding" in name or "probe" in name else WIDTH**-0.5
            weight.copy_(torch.randn(weight.shape, generator=generator) * spread)
            if "norm" in name and name.endswith("weight"):
                weight.add_(1)
        model.logit_scale.fill_(2.3)  # big_vision starts at the log of 10
        model.logit_bias.fill_(-10.0)
    model.train(False)
    return model


def siglip_folder(folder: Path, kind: Kind = "siglip2", seed: int = 0) -> Path:
    """What the hub has of such a model: config.json, model.safetensors, preprocessor_config.json, tokenizer.json."""
    made = siglip_tokenizer(kind)
    siglip_model(seed, made.get_vocab_size()).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    SiglipImageProcessorPil(size=size, resample=2 if kind == "siglip2" else 3).save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    return folder
