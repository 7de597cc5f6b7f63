"""The picture of the README: three queries about the same objects, each with its best hit and what moves in it.

python bench/readme_picture.py docs/images/search.png
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from deltaclip.encoder import Encoder
from deltaclip.library import Library
from deltaclip.library.hit_pictures import draw_answers
from deltaclip.motion import encode_png
from deltaclip.shapes import ShapesSpec, make_world, write_world
from deltaclip.shapes.demo import DEMO_CLIPS, DEMO_SEED

encoder = Encoder.load("shapes")
clips = make_world(DEMO_SEED, DEMO_CLIPS, ShapesSpec(size=160))
with tempfile.TemporaryDirectory() as folder:
    write_world(Path(folder) / "videos", clips)
    columns = []
    with Library.open(Path(folder) / "library", encoder, create=True) as library:
        library.index([Path(folder) / "videos"])
        for thing in clips[0].shots[0].things:
            query = f"the {thing} moves"
            hits = library.search(query, limit=1)
            spec = encoder.reader_spec
            columns.append(draw_answers([(query, hits)], spec.motion_word, spec.num_frames))
Path(sys.argv[1]).write_bytes(encode_png(np.concatenate(columns, axis=1)))
