"""How long `evaluate` takes to measure the cost of an encoder, and what it finds: random weights of published sizes.

python bench/cost.py
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from deltaclip.encoder import Encoder, TorchEngine
from deltaclip.evaluation.cost import cost_of_vectors
from deltaclip.model import ModelSpec, Tokenizer, new_model
from deltaclip.shapes import VOCABULARY

TEXT = "the red circle moves to the left while the blue square stays"


def main() -> None:
    """Each size with all patches and with half of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gallery", type=int, default=1000, help="videos that are scored")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_words(VOCABULARY)
    words = tokenizer.vocab_size
    b32 = ModelSpec(224, 32, 768, 12, 512, 12, 512, 49408, 77, words - 2, words - 1, 0)
    l14 = replace(b32, patch_size=14, vision_width=1024, vision_layers=24, text_width=768, projection_dim=768)
    for name, spec in {"ViT-B/32": b32, "ViT-B/16": replace(b32, patch_size=16), "ViT-L/14": l14}.items():
        engine = TorchEngine(new_model(spec, seed=0), "cpu", "float32")
        videos = np.random.default_rng(0).normal(size=(options.gallery, spec.projection_dim)).astype(np.float32)
        for keep in (1.0, 0.5):
            begun = time.perf_counter()
            cost = cost_of_vectors(Encoder(name, engine, tokenizer, keep=keep), [TEXT] * 1000, videos)
            print(f"{name}, keep {keep:g}, measured in {time.perf_counter() - begun:.2f} s: {cost.line()}")


if __name__ == "__main__":
    main()
