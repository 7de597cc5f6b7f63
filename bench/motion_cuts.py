"""How often two neighbouring frames are taken for two shots, rightly and wrongly, and by which part of the rule.

    python bench/motion_cuts.py --data DIR [--clips FOLDER] [--json]

DIR holds the sequences of DAVIS 2016, FOLDER further videos. True cuts are pairs of frames of different sequences and
of different videos. Neighbours are frames of one sequence 1 to 8 native frames apart, and drawn ones: a window that
pans over a frame by so many pixels at 398 wide, or zooms by so many percent, sharp and with an open shutter. "looks
like a cut" counts the pairs that the picture alone would call a cut; "is a cut" those of them that flow does not lead
there and back in FOLLOWED of the cells; "most returned" is the largest such share of all pairs. The same data give
the same figures.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from davis import read_native
from numpy.typing import NDArray

from deltaclip.motion.camera import fit_camera, look_up
from deltaclip.motion.exposure import relit
from deltaclip.motion.flow import FLOW_SCALE, dense_flow, flow_picture, grid_picture, grid_size, new_flow, returned
from deltaclip.motion.shots import is_another_shot, unexplained
from deltaclip.motion.subject_mask.neighbours import FOLLOWED
from deltaclip.reader import to_short_side
from deltaclip.video import Video

SIZE = (398, 224)
GAPS = (1, 2, 3, 4, 6, 8)
PANS = (4, 8, 16, 24, 32, 48)
ZOOMS = (2, 5, 10, 15, 20, 30)
SHUTTERS = (0.0, 0.5)
NOISE = 2.0

Bytes = NDArray[np.uint8]
Pair = tuple[Bytes, Bytes]


def judged(now: Bytes, other: Bytes) -> tuple[bool, float]:
    """Whether two pictures look like two shots, and the share of cells that flow leads there and back."""
    flow, grid = new_flow(), grid_size(*now.shape[:2])
    grey = flow_picture(now, grid)
    beside = relit(grey, flow_picture(other, grid))
    now_cells, beside_cells = (grid_picture(picture, grid) for picture in (grey, beside))
    there = dense_flow(flow, now_cells, beside_cells)
    fit, _ = fit_camera(there[None])
    left = unexplained(grey, beside, look_up(fit * np.float32(FLOW_SCALE), *grey.shape)[0])
    back = float(returned(there, dense_flow(flow, beside_cells, now_cells)).mean())
    return is_another_shot(grey, beside, left), back


def fitted(picture: Bytes) -> Bytes:
    return np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def drawn(picture: Bytes, pan: tuple[float, float], zoom: float, shutter: float, random: np.random.Generator) -> Pair:
    """Two frames of a camera over one picture. pan: pixels a frame; zoom: log of size a frame."""
    ground = cv2.resize(picture, (1000, 640), interpolation=cv2.INTER_CUBIC)
    width, height = SIZE

    def seen(time: float) -> NDArray[np.float32]:
        scale = np.exp(-zoom * time) / 1.3
        x, y = 500 + pan[0] * time, 320 + pan[1] * time
        matrix = np.array([[scale, 0, x - scale * width / 2], [0, scale, y - scale * height / 2]], np.float32)
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(ground, matrix, SIZE, flags=how, borderMode=cv2.BORDER_REFLECT).astype(np.float32)

    def shot(time: float) -> Bytes:
        moments = np.linspace(-shutter / 2, shutter / 2, 7) if shutter else [0.0]
        picture = np.mean([seen(time + moment) for moment in moments], axis=0)
        return np.clip(picture + random.normal(0, NOISE, picture.shape), 0, 255).astype(np.uint8)

    return shot(0), shot(1)


def row(pairs: list[Pair]) -> dict[str, float]:
    told = [judged(*pair) for pair in pairs]
    cuts = [look and back <= FOLLOWED for look, back in told]
    return {
        "pairs": len(told),
        "looks like a cut": sum(look for look, _ in told),
        "is a cut": sum(cuts),
        "most returned": round(max(back for _, back in told), 2),
    }


def mixed(pictures: list[Bytes]) -> list[Pair]:
    """Every picture beside every one that is not it."""
    return [(one, other) for number, one in enumerate(pictures) for other in pictures[:number] + pictures[number + 1 :]]


def middle_of(path: Path) -> Bytes:
    with Video.open(path) as video:
        return video.frames_at([(video.whole.start + video.whole.end) / 2], SIZE[1]).rgb[0]


def table(data: Path, clips: Path | None) -> dict[str, dict[str, float]]:
    sequences = [to_short_side(np.stack(read_native(path).rgb), SIZE[1]) for path in sorted(data.glob("*.mp4"))]
    told = {"cuts between sequences": row(mixed([fitted(frames[20]) for frames in sequences]))}
    stills = [fitted(frames[20]) for frames in sequences]
    if clips is not None:
        films = [path for path in sorted(clips.iterdir()) if path.suffix not in (".md", ".json", ".csv")]
        videos = [fitted(middle_of(path)) for path in films]
        told["cuts between videos"] = row(mixed(videos))
        stills += videos
    for gap in GAPS:
        pairs = [(each[at], each[at + gap]) for each in sequences for at in range(2, len(each) - gap, 5)]
        told[f"{gap} native frames apart"] = row(pairs)
    random = np.random.default_rng(5)
    for shutter in SHUTTERS:
        for speed in PANS:
            angles = random.normal(0, 0.25, len(stills)) + np.pi * random.integers(2, size=len(stills))
            ways = [(speed * float(np.cos(angle)), speed * float(np.sin(angle))) for angle in angles]
            panned = [drawn(still, way, 0.0, shutter, random) for still, way in zip(stills, ways, strict=True)]
            told[f"pan of {speed} pixels, shutter {shutter}"] = row(panned)
        for percent in ZOOMS:
            signs = random.choice([-1, 1], len(stills))
            zoomed = [
                drawn(still, (0, 0), sign * float(np.log1p(percent / 100)), shutter, random)
                for still, sign in zip(stills, signs, strict=True)
            ]
            told[f"zoom of {percent}%, shutter {shutter}"] = row(zoomed)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=Path, help="a folder of further videos, one picture of each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    told = table(options.data, options.clips)
    if options.json:
        print(json.dumps(told, indent=1))
        return
    for name, figures in told.items():
        print(f"{name:<34}" + "".join(f"{key}: {value:<8}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
