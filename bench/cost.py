"""How long `evaluate` takes to measure the cost of an encoder, what it finds, and what token-wise interaction costs.

For random weights of published sizes, and made-up features.

python bench/cost.py
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from deltaclip.encoder import Encoder, TorchEngine
from deltaclip.evaluation.cost import cost_of_vectors
from deltaclip.evaluation.token_scores import part_rows, token_scores
from deltaclip.model import ModelSpec, Tokenizer, new_model
from deltaclip.shapes import VOCABULARY

TEXT = "the red circle moves to the left while the blue square stays"
FRAMES, WIDTH = 12, 512


def main() -> None:
    """Encoders first, each with all patches and with half of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gallery", type=int, default=1000, help="videos that are scored")
    parser.add_argument("--only-interaction", action="store_true", help="leave the encoders out")
    options = parser.parse_args()
    if not options.only_interaction:
        show_encoders(options.gallery)
    show_interaction(options.gallery)


def show_encoders(gallery: int) -> None:
    """The line of each, and how long it took to find."""
    tokenizer = Tokenizer.from_words(VOCABULARY)
    words = tokenizer.vocab_size
    b32 = ModelSpec(224, 32, 768, 12, 512, 12, WIDTH, 49408, 77, words - 2, words - 1, 0)
    l14 = replace(b32, patch_size=14, vision_width=1024, vision_layers=24, text_width=768, projection_dim=768)
    for name, spec in {"ViT-B/32": b32, "ViT-B/16": replace(b32, patch_size=16), "ViT-L/14": l14}.items():
        engine = TorchEngine(new_model(spec, seed=0), "cpu", "float32")
        videos = np.random.default_rng(0).normal(size=(gallery, spec.projection_dim)).astype(np.float32)
        for keep in (1.0, 0.5):
            begun = time.perf_counter()
            cost = cost_of_vectors(Encoder(name, engine, tokenizer, keep=keep), [TEXT] * 1000, videos)
            print(f"{name}, keep {keep:g}, measured in {time.perf_counter() - begun:.2f} s: {cost.line()}")


def show_interaction(gallery: int) -> None:
    """One query, and as many as there are videos, by one mean and by all tokens and frames."""
    rng = np.random.default_rng(0)
    videos = part_rows([rng.normal(size=(FRAMES, WIDTH)).astype(np.float32) for _ in range(gallery)])
    means = np.add.reduceat(videos.rows, videos.starts) / FRAMES
    for tokens in (14, 77):
        texts = part_rows([rng.normal(size=(tokens, WIDTH)).astype(np.float32) for _ in range(gallery)])
        by_mean = timed(np.matmul, means, texts.rows[0])
        by_tokens = timed(token_scores, texts.between(0, 1), videos)
        begun = time.perf_counter()
        token_scores(texts, videos)
        print(
            f"{tokens} tokens by {gallery:,} videos of {FRAMES} frames: one query {by_tokens:.2f} ms, by one mean "
            f"{by_mean:.2f}; {gallery:,} queries {time.perf_counter() - begun:.1f} s"
        )


def timed(do: Callable[..., object], *given: object) -> float:
    """Milliseconds, the median of 20 after one."""
    times = []
    for _ in range(21):
        begun = time.perf_counter()
        do(*given)
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times[1:]))


if __name__ == "__main__":
    main()
