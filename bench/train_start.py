"""How long a training run takes from its captions to its first batch, for a set of MSR-VTT's size.

    python -m bench.train_start [--json] [--videos 9000] [--captions 20] [--batch 128] [--epochs 5]

A made-up set: blank frames in memory and a sentence for each caption, so that neither decoding nor reading counts.
CPU seconds of this process, the best of three: `check` that the captions have negatives, `first` batch of a run of all
epochs, and `order` of all its steps, which a run pays a step at a time.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deltaclip.model import ModelSpec, Tokenizer
from deltaclip.training import MemoryClips, Pictures, Recipe, override
from deltaclip.training.dataset import TokenRows, batches
from deltaclip.training.recipes import RECIPES
from deltaclip.training.sampler import Order, refuse_without_negatives

SIDE = 32


class BlankClips(MemoryClips):
    """Captions of blank clips; all share one."""

    def pictures(self, video: int, num_frames: int, rng: np.random.Generator | None) -> Pictures:
        """The blank clip."""
        return Pictures(self.rgb[0, :num_frames], self.alpha[0, :num_frames].astype(np.float32))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=9_000)
    parser.add_argument("--captions", type=int, default=20, help="of each video")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    recipe = override(RECIPES["own"], [f"optim.batch={options.batch}", f"optim.epochs={options.epochs}"])
    clips = made_up(options.videos, options.captions, recipe)
    seed = iter(range(100))  # a new one each time: orders may be kept

    def new_order() -> Order:
        return Order(len(clips.owner), 1, options.batch, next(seed))

    def all_steps() -> list[NDArray[np.int64]]:
        order = new_order()
        return [order.batch_of(step) for step in range(options.epochs * order.steps_an_epoch)]

    def first() -> None:
        order = new_order()
        steps = range(options.epochs * order.steps_an_epoch)
        next(batches(clips, recipe, SIDE, rows(), steps, order))

    seconds = {
        "check": cpu_seconds(lambda: refuse_without_negatives(clips, new_order())),
        "first": cpu_seconds(first),
        "order": cpu_seconds(all_steps),
    }
    if options.json:
        print(json.dumps({"captions": len(clips.owner), "steps": len(all_steps()), "cpu_seconds": seconds}))
        return
    print(f"{len(clips.owner):,} captions of {options.videos:,} videos, {len(all_steps()):,} steps of {options.batch}")
    for name, value in seconds.items():
        print(f"{name:6} {value:8.3f} CPU s")


def made_up(videos: int, captions: int, recipe: Recipe) -> BlankClips:
    """The set."""
    rgb = np.zeros((1, recipe.data.frames, SIDE, SIDE, 3), np.uint8)
    names = [f"video{number}" for number in range(videos)]
    texts = [f"somebody does thing {number} in front of a camera" for number in range(videos * captions)]
    made = BlankClips(rgb, rgb[..., 0], [texts[0]], np.zeros(1, np.int64), names[:1])
    made.captions, made.owner, made.video_ids = texts, np.repeat(np.arange(videos), captions), names
    return made


def rows() -> TokenRows:
    """Token rows of a small vocabulary."""
    tokenizer = Tokenizer.from_words(["somebody does thing in front of a camera"])
    sizes = ModelSpec(
        image_size=SIDE,
        patch_size=SIDE,
        vision_width=32,
        vision_layers=1,
        text_width=32,
        text_layers=1,
        projection_dim=32,
        vocab_size=tokenizer.vocab_size,
        context_length=32,
        begin=tokenizer.vocab_size - 2,
        end=tokenizer.vocab_size - 1,
        pad=0,
    )
    return TokenRows(tokenizer, sizes, 32)


def cpu_seconds(work: Callable[[], object]) -> float:
    """The best of three, user and system."""

    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return round(min(once() for _ in range(3)), 4)


if __name__ == "__main__":
    main()
