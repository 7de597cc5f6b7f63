"""A comparison as one page to look at: figures, and the queries won and lost with pictures of the videos."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deltaclip.errors import VideoError
from deltaclip.evaluation.comparison import SHOWN_METRICS, Compared, QueryPair
from deltaclip.evaluation.mask_report import PAGE_STYLE, as_html, picture_address
from deltaclip.evaluation.recorded import protocol_lines
from deltaclip.motion import MotionSpec, Tile, strip
from deltaclip.ranking import Comparison
from deltaclip.reader import Call, guarded_calls, read_motion

__all__ = ["comparison_page"]

SHOWN_QUERIES = 12
"""Queries shown of those won, and of those lost."""
THUMBNAIL_FRAMES, THUMBNAIL_SIDE = 3, 160

VideoPicture = Callable[[str], str]
"""From a video's name to a picture of it as HTML, or why there is none; nothing for a video that is not here."""


def comparison_page(compared: Sequence[Compared], videos: Mapping[str, Path]) -> str:
    """One HTML page with everything in it. videos: the files of those videos that are here, for pictures of them."""
    pictures: dict[str, str] = {}
    title = "Comparison of " + " and ".join(dict.fromkeys(name for one in compared for name in (one.first, one.second)))
    with guarded_calls() as call:

        def picture(video: str) -> str:
            if video not in pictures:
                pictures[video] = _shown(call, videos[video]) if video in videos else ""
            return pictures[video]

        body = "".join(_section(one, picture) for one in compared)
    return (
        f"<!doctype html><meta charset='utf-8'><title>{as_html(title)}</title><style>{PAGE_STYLE}</style>"
        f"<h1>{as_html(title)}</h1>{body}\n"
    )


def _section(compared: Compared, picture: VideoPicture) -> str:
    overall = compared.overall
    first, second = compared.marked
    drawn = "groups" if compared.grouped else "videos"
    head = (
        f"<h2>{as_html(first)} against {as_html(second)}</h2>"
        f"<p>{overall.queries} queries in {compared.drawn}: {overall.wins} ranked better by the first, "
        f"{overall.losses} worse, {overall.ties} alike. Differences are first less second, with {overall.level:.0%} "
        f"paired bootstrap intervals over {drawn}; p from {overall.permutations:,} exchanges of whole {drawn}.</p>"
    )
    tables = [_table("all queries", overall)]
    tables += [_table(f"captions: {kind}", part) for kind, part in compared.by_kind.items()]
    tables += [_protocol(name, made) for name, made in zip(compared.marked, compared.protocols, strict=True)]
    lists = _queries("Won", compared.wins, compared, picture) + _queries("Lost", compared.losses, compared, picture)
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
    lines = "".join(f"<br>{as_html(line)}" for line in protocol_lines(protocol))
    return f"<p><b>{as_html(name)}</b>{lines}</p>"


def _queries(title: str, pairs: Sequence[QueryPair], compared: Compared, picture: VideoPicture) -> str:
    shown = "".join(_query(pair, compared, picture) for pair in pairs[:SHOWN_QUERIES])
    return f"<h2>{title}: {len(pairs)}, the clearest {min(len(pairs), SHOWN_QUERIES)} of them</h2>{shown}"


def _query(pair: QueryPair, compared: Compared, picture: VideoPicture) -> str:
    words = as_html(pair.text if pair.text is not None else pair.query)
    parts = [f"<p><b>{words}</b><br>rank {pair.first} by the first, {pair.second} by the second</p>"]
    seen = (("right", pair.video), (f"{compared.first} found", pair.first_found))
    for role, video in (*seen, (f"{compared.second} found", pair.second_found)):
        if video is None or (role != "right" and video == pair.video):
            continue
        parts.append(f"<p>{as_html(role)}: {as_html(video)}{picture(video)}</p>")
    return "".join(parts)


def _shown(call: Call, path: Path) -> str:
    """The picture of a video, or why there is none."""
    try:
        address = call(_thumbnail, path)
    except VideoError as error:
        return f"<br><span class='warn'>no picture: {as_html(error.reason)}</span>"
    return f"<br><img src='{address}' alt=''>"


def _thumbnail(path: Path) -> str:
    """The address of three frames side by side."""
    frames, _ = read_motion(path, MotionSpec("full"), THUMBNAIL_FRAMES, THUMBNAIL_SIDE)
    tiles = [Tile(picture, f"{second:.1f} s") for picture, second in zip(frames.rgb, frames.seconds, strict=True)]
    return picture_address(strip(tiles))
