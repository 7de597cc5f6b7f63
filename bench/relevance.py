"""Relevance of hits: how often a text that matches nothing is taken for one that does, and the other way round.

python bench/relevance.py [--encoder shapes] [--clips 30 150 300] [--json]

Libraries of so many drawn clips (seed SEED, by the whole way of `Library.index`), asked with the captions of their own
clips, with the captions of other worlds that no clip of the library has (another seed; some differ in one word only),
and with nonsense: sentences on other things, of which the encoder knows few words or none. Shares of the texts whose
first hit has each relevance or better, by appearance; matched ones also whose own clip is first.
Nothing is random but the worlds.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deltaclip.encoder import Encoder
from deltaclip.library import Library
from deltaclip.library.relevance import BANDS, reaches
from deltaclip.shapes import ShapesSpec, make_world, write_world

SEED, OTHER_SEED = 101, 103
OTHERS = 300
NONSENSE = (
    "quantum chromodynamics",
    "a lecture about the history of tax law",
    "people dance at a wedding",
    "my cat sleeps on the sofa",
    "asdf qwer zxcv",
    "the weather in red",
    "something moves somewhere",
    "a circle of friends",
    "what time is it",
    "the",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="shapes")
    parser.add_argument("--clips", type=int, nargs="+", default=[30, 150, 300])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    encoder = Encoder.load(given.encoder)
    rows = [row for clips in given.clips for row in _library(encoder, clips)]
    if given.json:
        print(json.dumps(rows))
        return
    names = list(rows[0])
    print(*(f"| {' | '.join(map(str, values))} |" for values in (names, ["---"] * len(names))), sep="\n")
    print(*(f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows), sep="\n")


def _library(encoder: Encoder, clips: int) -> list[dict[str, Any]]:
    world = make_world(SEED, clips, ShapesSpec())
    captions = [clip.caption for clip in world]
    other = [clip.caption for clip in make_world(OTHER_SEED, OTHERS, ShapesSpec()) if clip.caption not in captions]
    with tempfile.TemporaryDirectory() as folder:
        write_world(Path(folder) / "videos", world)
        with Library.open(Path(folder) / "library", encoder, create=True) as library:
            print(f"indexing {clips} clips", file=sys.stderr)
            library.index([Path(folder) / "videos"], motion_words=False)
            asked = {"matched": captions, "other scenes": other, "nonsense": NONSENSE}
            return [{"clips": clips, "texts": kind, **_shares(library, texts)} for kind, texts in asked.items()]


def _shares(library: Library, texts: Sequence[str]) -> dict[str, Any]:
    first = [library.search(text, limit=1, by="appearance")[0] for text in texts]
    bands = [band for band in BANDS if band != "none"]
    shares = {f"{band} or better": sum(reaches(hit.relevance, band) for hit in first) / len(first) for band in bands}
    own = [f"shapes_{number:04d}.mp4" for number in range(len(texts))]
    right = [hit for hit, name in zip(first, own, strict=True) if hit.path.name == name]
    found = {f"right, {band} or better": sum(reaches(hit.relevance, band) for hit in right) for band in bands}
    counts = {"asked": len(first), "right": len(right), **found}
    return {name: round(100 * share, 1) for name, share in shares.items()} | counts


if __name__ == "__main__":
    main()
