"""A comparison as one page to look at: figures, and the queries won and lost with pictures of the videos."""

import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deltaclip.errors import VideoError
from deltaclip.evaluation.compare import Compared, QueryPair
from deltaclip.evaluation.mask_report import PAGE_STYLE, picture_address
from deltaclip.evaluation.recorded import protocol_lines
from deltaclip.motion import Tile, strip
from deltaclip.ranking import Comparison
from deltaclip.reader import read_motion

__all__ = ["comparison_page"]

SHOWN_METRICS = ("R1", "R5", "R10", "MnR")
SHOWN_QUERIES = 12
"""Queries shown of those won, and of those lost."""
THUMBNAIL_FRAMES, THUMBNAIL_SIDE = 3, 160

Address = Callable[[str], str | None]
"""From a video's name to a picture of it as a data address."""


def comparison_page(compared: Sequence[Compared], videos: Mapping[str, Path]) -> str:
    """One HTML page with everything in it. videos: the files of those videos that are here, for pictures of them."""
    pictures: dict[str, str | None] = {}

    def address(video: str) -> str | None:
        if video not in pictures:
            pictures[video] = _thumbnail(videos[video]) if video in videos else None
        return pictures[video]

    title = "Comparison of " + " and ".join(dict.fromkeys(name for one in compared for name in (one.first, one.second)))
    body = "".join(_section(one, address) for one in compared)
    return (
        f"<!doctype html><meta charset='utf-8'><title>{_safe(title)}</title><style>{PAGE_STYLE}</style>"
        f"<h1>{_safe(title)}</h1>{body}\n"
    )


def _section(compared: Compared, address: Address) -> str:
    overall = compared.overall
    first, second = compared.marked
    head = (
        f"<h2>{_safe(first)} against {_safe(second)}</h2>"
        f"<p>{overall.queries} queries in {overall.clusters} videos: {overall.wins} ranked better by the first, "
        f"{overall.losses} worse, {overall.ties} alike. Differences are first less second, with {overall.level:.0%} "
        f"paired bootstrap intervals over videos; p from {overall.permutations:,} exchanges of whole videos.</p>"
    )
    tables = [_table("all queries", overall)]
    tables += [_table(f"captions: {kind}", part) for kind, part in compared.by_kind.items()]
    tables += [_protocol(name, made) for name, made in zip(compared.marked, compared.protocols, strict=True)]
    lists = _queries("Won", compared.wins, compared, address) + _queries("Lost", compared.losses, compared, address)
    return head + "".join(tables) + lists


def _table(title: str, comparison: Comparison) -> str:
    rows = "".join(
        f"<tr><td>{name}</td><td>{part.first:.2f}</td><td>{part.second:.2f}</td><td>{part.difference:+.2f} "
        f"[{part.interval[0]:+.2f}, {part.interval[1]:+.2f}]</td><td>{part.p_value:.4f}</td></tr>"
        for name, part in ((name, comparison.metrics[name]) for name in SHOWN_METRICS)
    )
    head = "<tr><th></th><th>first</th><th>second</th><th>difference</th><th>p</th></tr>"
    return f"<h2>{title} ({comparison.queries})</h2><table>{head}{rows}</table>"


def _protocol(name: str, protocol: Mapping[str, Any]) -> str:  # Any: json
    """How the ranks of one side were made."""
    lines = "".join(f"<br>{_safe(line)}" for line in protocol_lines(protocol))
    return f"<p><b>{_safe(name)}</b>{lines}</p>"


def _queries(title: str, pairs: Sequence[QueryPair], compared: Compared, address: Address) -> str:
    shown = "".join(_query(pair, compared, address) for pair in pairs[:SHOWN_QUERIES])
    return f"<h2>{title}: {len(pairs)}, the clearest {min(len(pairs), SHOWN_QUERIES)} of them</h2>{shown}"


def _query(pair: QueryPair, compared: Compared, address: Address) -> str:
    words = _safe(pair.text if pair.text is not None else pair.query)
    parts = [f"<p><b>{words}</b><br>rank {pair.first} by the first, {pair.second} by the second</p>"]
    seen = (("right", pair.video), (f"{compared.first} found", pair.first_found))
    for role, video in (*seen, (f"{compared.second} found", pair.second_found)):
        if video is None or (role != "right" and video == pair.video):
            continue
        picture = address(video)
        image = f"<br><img src='{picture}' alt=''>" if picture else ""
        parts.append(f"<p>{_safe(role)}: {_safe(video)}{image}</p>")
    return "".join(parts)


def _thumbnail(path: Path) -> str | None:
    """Three frames of a video side by side; None where it cannot be read."""
    try:
        frames, _ = read_motion(path, "full", THUMBNAIL_FRAMES, THUMBNAIL_SIDE)
    except VideoError:
        return None
    tiles = [Tile(picture, f"{second:.1f} s") for picture, second in zip(frames.rgb, frames.seconds, strict=True)]
    return picture_address(strip(tiles))


def _safe(text: str) -> str:
    """As HTML; bytes of a name that are no UTF-8 are spelt out."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode())
