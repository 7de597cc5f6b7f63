"""How well the motion encoder tells how things move on real video: what issue-sized claims about it are checked by.

    python bench/motion_words.py --data DIR [NAME ...] [--encoder NAME] [--clip NAME] [--folds N,N] [--page FILE]

DIR holds actions/egogestar, davis2016, captioned and annotations. NAMEs, default all that need nothing more:

sideways    DAVIS: "... moves to the left" against "... to the right". Truth: `davis_truth.py`, sequences whose subject
            goes sideways by more than half a pixel a native frame; beside it the sign of the mean of u in the mask.
backwards   egogestar's swipes and the sequences of `sideways`, forwards and backwards, each against its own sentence
            and the opposite one (the binary rule of RTime, arXiv 2412.19178): `both` counts clips right both ways.
alike       egogestar: the nearest clip of a different scene has the same gesture, mean over clips; with --clip also by
            the appearance vectors of that CLIP, fed no mask (`--clip real`: `real_encoder.py`).
camera      cameras drawn over stills of DAVIS and captioned/, and DAVIS's own cameras by the background's motion.
captions    captioned/: how many captions have a word that is understood as motion; with --page an HTML page of the 30
            surest matches, to be judged by a person.
sentences   annotations/: how many captions of people have a word that is understood as motion, and which words, to be
            judged by a person: all of MSR-VTT's 1k-A, 300 of MSVD and 300 of ActivityNet.
unmoved     captions without a motion word rank the clips alike by `both` and by appearance alone (needs --clip).

Prints one JSON object. Every share has n, right and a 95% interval (Wilson's, as if each clip were drawn by itself).
The drawn cameras and the captions of `sentences` are random with fixed seeds; nothing else is random.
"""

import argparse
import csv
import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from camera_words import camera
from motion_bed import Bed, Json, share
from motion_page import Match, write_page
from real_encoder import REAL, real_sentences
from tracks import Moving, of_file
from unmoved import unmoved

from deltaclip.captions import load_actions
from deltaclip.encoder import Encoder, MotionEncoder
from deltaclip.evaluation import action_figures, by_appearance, by_motion, encode_actions
from deltaclip.motion import TRACK_MAPS

SIDEWAYS_PIXELS = 0.5
"""A native frame, of the subject against its background."""
OPPOSITES = {
    "swipe_left": "swipe_right",
    "swipe_right": "swipe_left",
    "swipe_up": "swipe_down",
    "swipe_down": "swipe_up",
}
PAGE_MATCHES, CLIPS_TWICE = 30, 2
SENTENCES, SENTENCES_SEED = 300, 17


def sideways_of(name: str) -> dict[str, tuple[str, ...]]:
    noun = name.split("-")[0]
    return {side: (f"the {noun} moves to the {side}", f"a {noun} goes {side}") for side in ("left", "right")}


def sideways(bed: Bed) -> Json:
    going = [(truth, moving) for _, truth, moving in bed.davis if abs(truth.right) > SIDEWAYS_PIXELS]
    by_words = {moving.name: _to_right(bed, moving) is (truth.right > 0) for truth, moving in going}
    at = TRACK_MAPS.index("right")
    by_mean = {moving.name: (moving.track.maps[:, at].mean() > 0) == (truth.right > 0) for truth, moving in going}
    return {
        "sequences": len(bed.davis),
        "words": {**share(by_words.values()), "wrong": [name for name, right in by_words.items() if not right]},
        "mean_of_u": {**share(by_mean.values()), "wrong": [name for name, right in by_mean.items() if not right]},
    }


def _to_right(bed: Bed, moving: Moving) -> bool | None:
    """Whether the sentence to the right fits better; None for a tie, which is always wrong."""
    [(left, right)] = bed.scores([moving.track], sideways_of(moving.name))
    return None if left == right else bool(right > left)


def backwards(bed: Bed) -> Json:
    actions = load_actions(bed.data / "actions" / "egogestar")
    folds = bed.folds or actions.folds
    swipes = [clip for clip in actions.clips if clip.label in OPPOSITES and clip.fold in folds]
    answers: dict[str, list[tuple[bool, bool]]] = {"swipes": [], "davis": []}
    for clip in swipes:
        moving = of_file(actions.folder / clip.path)
        pair = {label: actions.wordings[label] for label in (clip.label, OPPOSITES[clip.label])}
        (own, other), (own_back, other_back) = bed.scores([moving.track, moving.backwards.track], pair)
        answers["swipes"].append((own > other, other_back > own_back))
    for _, truth, moving in bed.davis:
        if abs(truth.right) > SIDEWAYS_PIXELS:
            to_right = truth.right > 0
            back = _to_right(bed, moving.backwards)
            answers["davis"].append((_to_right(bed, moving) is to_right, back is (not to_right)))
    answers["all"] = answers["swipes"] + answers["davis"]
    return {
        "folds": list(folds),
        **{
            name: {
                "decisions": share(each for pair in pairs for each in pair),
                "forwards": share(ahead for ahead, _ in pairs),
                "backwards": share(back for _, back in pairs),
                "both": share(ahead and back for ahead, back in pairs),
            }
            for name, pairs in answers.items()
        },
    }


def alike(bed: Bed) -> Json:
    actions = load_actions(bed.data / "actions" / "egogestar")
    folds = bed.folds or actions.folds
    clips = [clip for clip in actions.clips if clip.fold in folds]
    told: Json = {"folds": list(folds), "clips": len(clips)}
    encoders = {"motion": by_motion(bed.encoder)}
    if bed.clip == REAL:
        encoders["appearance"] = real_sentences()
    elif bed.clip is not None:
        encoders["appearance"] = by_appearance(Encoder.load(bed.clip, motion="full"))
    for name, encoder in encoders.items():
        document = action_figures(encode_actions(encoder, actions, clips)).to_json()
        told[name] = {**document["motion_to_motion"], "interval": document["intervals"]["motion_to_motion"]["R1"]}
    return told


def captions(bed: Bed) -> Json:
    entries = bed.captioned
    clips = [of_file(path) for path in bed.captioned_paths]
    asked = [(text, own) for own, entry in enumerate(entries) for text in entry["captions"]]
    questions = [bed.encoder.question(text) for text, _ in asked]
    vectors = bed.encoder.encode_tracks(clip.track for clip in clips)
    words: dict[str, int] = {}
    matches, ranks = [], []
    for (text, own), question in zip(asked, questions, strict=True):
        for word in question.words:
            words[word] = words.get(word, 0) + 1
        if question.vector is not None:
            scores = vectors @ question.vector
            ranks.append(1 + int(np.count_nonzero(np.delete(scores, own) >= scores[own])))
            best = int(scores.argmax())
            matches.append(Match(clips[best], text, question.words, float(scores[best]), best == own))
    told: Json = {"understood": share(question.vector is not None for question in questions)}
    told["words"] = dict(sorted(words.items(), key=lambda pair: -pair[1]))
    told["own_clip"] = {"of": len(clips), "median_rank": float(np.median(ranks)), "first": share(r == 1 for r in ranks)}
    if bed.page is not None:
        shown = surest(matches)
        write_page(bed.page, shown, bed.encoder.name, bed.encoder.fingerprint)
        told["page"] = {"matches": len(shown), "own_clip": share(match.own for match in shown)}
    return told


def surest(matches: Sequence[Match]) -> list[Match]:
    """Those that fit best, as a fit means the same for all sentences (`learning._judged`).

    No sentence twice, no clip more than CLIPS_TWICE times.
    """
    shown: list[Match] = []
    for match in sorted(matches, key=lambda match: -match.score):
        times = sum(other.clip.name == match.clip.name for other in shown)
        if times < CLIPS_TWICE and all(other.text.lower() != match.text.lower() for other in shown):
            shown.append(match)
    return shown[:PAGE_MATCHES]


def sentences(bed: Bed) -> Json:
    folder = bed.data / "annotations"
    with (folder / "msrvtt" / "MSRVTT_JSFUSION_test.csv").open(encoding="utf-8", newline="") as stream:
        asked = {"msrvtt": [row["sentence"] for row in csv.DictReader(stream)]}
    with gzip.open(folder / "msvd" / "captions_msvd.json.gz", "rt", encoding="utf-8") as stream:
        asked["msvd"] = _some([text for texts in json.load(stream).values() for text in texts])
    with gzip.open(folder / "activitynet" / "val_1.json.gz", "rt", encoding="utf-8") as stream:
        asked["activitynet"] = _some(
            [text.strip() for video in json.load(stream).values() for text in video["sentences"]]
        )
    told: Json = {}
    for name, texts in asked.items():
        questions = [bed.encoder.question(text) for text in texts]
        claims = [f"{' '.join(question.words)} | {question.text}" for question in questions if question.words]
        told[name] = {"understood": share(bool(question.words) for question in questions), "claims": claims}
    return told


def _some(texts: Sequence[str]) -> list[str]:
    return random.Random(SENTENCES_SEED).sample(texts, SENTENCES)


def ranks_unmoved(bed: Bed) -> Json:
    if bed.clip in (None, REAL):
        raise SystemExit("unmoved needs an encoder that a library can have: give --clip NAME, such as shapes")
    entries = bed.captioned
    texts = [text for entry in entries for text in entry["captions"]]
    asked = [text for text in dict.fromkeys(texts) if not bed.encoder.question(text).words]
    same = unmoved(bed.captioned_paths, asked, Encoder.load(bed.clip), bed.encoder)
    return {"questions": share(same)}


BENCHES: dict[str, Callable[[Bed], Json]] = {
    "sideways": sideways,
    "backwards": backwards,
    "alike": alike,
    "camera": camera,
    "captions": captions,
    "sentences": sentences,
    "unmoved": ranks_unmoved,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"among {', '.join(BENCHES)}")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="motion", help="motion encoder (default: the bundled one)")
    parser.add_argument("--clip", help="encoder of appearance to compare with")
    parser.add_argument("--folds", type=lambda text: tuple(map(int, text.split(","))), default=())
    parser.add_argument("--page", type=Path, help="HTML file of `captions`")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHES]:
        parser.error(f"no bench {unknown[0]}: choose among {', '.join(BENCHES)}")
    cv2.setNumThreads(1)
    encoder = MotionEncoder.load(options.encoder)
    bed = Bed(options.data, encoder, options.clip, options.folds, options.page)
    names = options.names or [name for name in BENCHES if name != "unmoved" or options.clip not in (None, REAL)]
    told: Json = {"encoder": encoder.name, "fingerprint": encoder.fingerprint}
    for name in names:
        told[name] = BENCHES[name](bed)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
