"""How many frames of slides and pages keep a mask of `subject`: they follow each other, and nothing in them moves.

    python bench/motion_slides.py [--decks N] [--json]

N decks are drawn with random fonts (those that come with matplotlib), sizes, colours and layouts of each kind, as JPEG
leaves them; every sixth deck shows each slide twice. Beside them N clips of one drawn thing that does move over a plain
ground, 3 frames a second, with its true mask: masks to keep. The same N gives the same pictures.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from deltaclip.motion import Motion, subject

KINDS = ("bullets", "numbered", "columns", "picture", "page", "title", "gradient", "chart")
HEIGHT, WIDTH, NUM_FRAMES = 448, 796, 12
GROUNDS = ("white", "#10203a", "#f4efe6", "black", "#1e1e1e", "#264653", "#e8f0ff", "#ffeecc", "#444444")
WORDS = (
    *("moment", "video", "motion", "frame", "mask", "camera", "search", "index", "library", "encoder", "hold", "slide"),
    *("budget", "quarter", "revenue", "customers", "growth", "plan", "team", "market", "risk", "results", "next"),
    *("shows", "moves", "what", "still", "the", "of", "and", "to", "in", "with", "a", "is", "for", "on", "our", "new"),
)

Bytes = NDArray[np.uint8]
Random = np.random.Generator


def fonts() -> list[Path]:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    wanted = ("DejaVuSans", "DejaVuSerif", "STIXGeneral", "cmr10", "cmss10", "cmtt10")
    return [
        path for path in sorted(folder.glob("*.ttf")) if path.stem.startswith(wanted) and "Display" not in path.stem
    ]


def soft_noise(height: int, width: int, cell: int, random: Random) -> Bytes:
    """(height, width, 3): what a photograph might be."""
    picture = np.zeros((height, width, 3))
    for finer in (1, 2, 4, 8):
        coarse = random.random((max(2, height * finer // cell), max(2, width * finer // cell), 3))
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / finer
    low, high = picture.min(), picture.max()
    return (30 + 190 * (picture - low) / (high - low)).astype(np.uint8)


def new_deck(kind: str, random: Random) -> Callable[[], Bytes]:
    """A function that draws the next slide of one deck, (HEIGHT, WIDTH, 3)."""
    ground = str(random.choice(GROUNDS))
    paper = np.broadcast_to(np.array(ImageColor.getrgb(ground), np.uint8), (HEIGHT, WIDTH, 3))
    if kind == "gradient":
        top, bottom = random.integers(0, 256, (2, 3))
        paper = (top + (bottom - top) * np.linspace(0, 1, HEIGHT)[:, None, None]).astype(np.uint8)
        paper = np.repeat(paper, WIDTH, axis=1)
    ink = ("#222222", "#301010", "#003060") if paper.mean() > 128 else ("white", "#ffd070", "#d0e8ff")
    colour, file = str(random.choice(ink)), str(random.choice([str(path) for path in fonts()]))
    heading, body = (ImageFont.truetype(file, int(random.integers(*sizes))) for sizes in ((22, 44), (11, 27)))
    left, top = (int(number) for number in random.integers((20, 12), (90, 45)))
    line = body.size * float(random.uniform(1.4, 2.6))
    first = top + heading.size * float(random.uniform(1.4, 2.2))
    middle = WIDTH * float(random.uniform(0.45, 0.65))

    def words(least: int, most: int, room: float) -> str:
        chosen = [str(word) for word in random.choice(WORDS, random.integers(least, most + 1))]
        while len(chosen) > 1 and body.getlength(" ".join(chosen)) > room:
            chosen.pop()
        return " ".join(chosen)

    def slide() -> Bytes:
        picture = Image.fromarray(paper.copy())
        pen = ImageDraw.Draw(picture)
        if kind == "page":
            for y in np.arange(top, HEIGHT - body.size, 1.35 * body.size):
                if random.random() > 0.08:
                    pen.text((left, y), words(30, 30, WIDTH - 2 * left), font=body, fill=colour)
            return np.asarray(picture)
        title = words(2, 5, WIDTH / 2).title()
        if kind == "title":
            for text, font, y in ((title, heading, 0.4), (words(3, 6, WIDTH), body, 0.58)):
                pen.text(((WIDTH - font.getlength(text)) / 2, y * HEIGHT), text, font=font, fill=colour)
            return np.asarray(picture)
        pen.text((left, top), title, font=heading, fill=colour)
        if kind == "chart":
            heights = random.uniform(0.1, 1, random.integers(3, 9)) * 0.55 * HEIGHT
            bar = (WIDTH - 2 * left) / len(heights)
            for index, height in enumerate(heights):
                right = left + bar * (index + 0.85)
                pen.rectangle((right - 0.7 * bar, 0.9 * HEIGHT - height, right, 0.9 * HEIGHT), fill="#c03030")
            return np.asarray(picture)
        room = (middle if kind in ("columns", "picture") else WIDTH) - left - 40
        for index in range(int(random.integers(3, 8))):
            y = first + line * index
            if y > HEIGHT - 1.5 * body.size:
                break
            mark = f"{index + 1}. " if kind == "numbered" else "\u2022 "
            pen.text((left, y), mark + words(3, 9, room), font=body, fill=colour)
            if kind == "columns":
                pen.text((middle, y), mark + words(2, 6, WIDTH - middle - 30), font=body, fill=colour)
        if kind == "picture":
            height, width = int(HEIGHT * random.uniform(0.3, 0.6)), int(0.95 * WIDTH - middle)
            photograph = soft_noise(height, width, int(random.integers(15, 80)), random)
            picture.paste(Image.fromarray(photograph), (int(middle), int(HEIGHT * random.uniform(0.2, 0.35))))
        return np.asarray(picture)

    return slide


def compressed(picture: Bytes) -> Bytes:
    _, stored = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


def deck(kind: str, seed: int, shown: int) -> Motion:
    """`subject` on one deck, each slide `shown` frames long, one frame a second."""
    slide = new_deck(kind, np.random.default_rng(seed))
    half = (WIDTH // 2, HEIGHT // 2)
    count = NUM_FRAMES + 2 if shown == 1 else shown * NUM_FRAMES
    slides = [compressed(cv2.resize(slide(), half, interpolation=cv2.INTER_AREA)) for _ in range(-(-count // shown))]
    frames = [slides[index // shown] for index in range(count)]
    at = [int((index + 0.5) * count / NUM_FRAMES) for index in range(NUM_FRAMES)]
    before = [frames[index - 1] if index else None for index in at]
    after = [frames[index + 1] if index + 1 < count else None for index in at]
    return subject(np.stack([frames[index] for index in at]), before, after, 1.0)


def mover(seed: int) -> tuple[Motion, NDArray[np.bool_]]:
    """`subject` on a disc or a square that goes its way over a plain ground with some boxes, and its true masks."""
    random = np.random.default_rng(seed)
    height, width = HEIGHT // 2, WIDTH // 2
    ground = np.broadcast_to(random.integers(0, 256, 3, np.uint8), (height, width, 3)).copy()
    for _ in range(random.integers(0, 5)):
        y, x = random.integers(0, (height, width))
        ground[y : y + random.integers(10, 60), x : x + random.integers(10, 80)] = random.integers(0, 256, 3)
    side = int(random.integers(30, 110))
    look = soft_noise(side, side, side, random) if seed % 2 else np.full((side, side, 3), random.integers(0, 256, 3))
    away = np.hypot(*(np.mgrid[:side, :side] - (side - 1) / 2))
    shape = away < side / 2 if random.random() < 0.5 else away >= 0
    angle, room = random.uniform(0, 2 * np.pi), np.array((height - side, width - side))
    place, way = (
        random.uniform(0, room),
        random.choice((3, 6, 12, 20, 30, 45)) * np.array((np.sin(angle), np.cos(angle))),
    )
    frames, truth = [], np.zeros((NUM_FRAMES + 2, height, width), np.bool_)
    for true in truth:
        way = np.where((place + way < 0) | (place + way > room), -way, way)
        place = np.clip(place + way, 0, room)
        y, x = place.astype(int)
        frame = ground.copy()
        frame[y : y + side, x : x + side][shape] = look[shape]
        true[y : y + side, x : x + side] = shape
        frames.append(compressed(frame))
    return subject(np.stack(frames[1:-1]), frames[:-2], frames[2:], 1 / 3), truth[1:-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decks", type=int, default=240, help="default %(default)s")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    kept: dict[str, list[float]] = {kind: [] for kind in KINDS}
    overlaps = []
    for seed in range(options.decks):
        kind = KINDS[seed % len(KINDS)]
        # `seed // 2`, so that no kind is always or never among those that show each slide twice.
        motion = deck(kind, seed, 2 if seed // 2 % 6 == 0 else 1)
        kept[kind].append(motion.fallback.count(None) / NUM_FRAMES)
        motion, truth = mover(seed)
        fed = motion.alpha > 0.5
        overlaps.append(float(np.mean((fed & truth).sum((1, 2)) / (fed | truth).sum((1, 2)))))
    told = {kind: round(float(np.mean(shares)), 4) for kind, shares in kept.items() if shares}
    told["all decks"] = round(float(np.mean([share for shares in kept.values() for share in shares])), 4)
    told["IoU of movers"] = round(float(np.mean(overlaps)), 4)
    print(json.dumps(told, indent=1) if options.json else "\n".join(f"{name:<16}{n:>8.3f}" for name, n in told.items()))


if __name__ == "__main__":
    main()
