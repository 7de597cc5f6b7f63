"""Videos: what they are, their moments, pictures and films."""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import RedirectResponse

from deltaclip.errors import VideoError
from deltaclip.library import PlayFacts, VideoRow
from deltaclip.serve.access import Reader, Visitor, path_for, words_for
from deltaclip.serve.forms import (
    FactsForm,
    MomentForm,
    MomentsAnswer,
    MotionAnswer,
    VideoForm,
    VideosAnswer,
)
from deltaclip.serve.hiding import plain
from deltaclip.serve.problems import Problem
from deltaclip.serve.search_routes import moment_urls
from deltaclip.serve.sending import SentFile, open_regular
from deltaclip.serve.shelf import Served
from deltaclip.serve.state import Asked, Server

__all__ = ["paged", "router"]

router = APIRouter(prefix="/v1/videos", tags=["videos"])

KINDS = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}
"""What browsers are told of files that they play."""
PICTURES_LAST = "private, max-age=86400"
StartSecond = Annotated[float, Query(ge=0, allow_inf_nan=False, description="Seconds")]
EndSecond = Annotated[float, Query(gt=0, allow_inf_nan=False, description="Seconds, after start")]


@router.get("", operation_id="list_videos")
def list_videos(
    served: Asked,
    visitor: Reader,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    folder: Annotated[str | None, Query(max_length=4096)] = None,
    state: Literal["indexed", "damaged", "failed", "missing"] | None = None,
) -> VideosAnswer:
    """All videos, by path."""
    rows = [row for row in served.videos() if _is_wanted(row, folder, state)]
    page, following = paged(rows, limit, cursor)
    return VideosAnswer(videos=[_form(served, visitor, row) for row in page], next=following)


@router.get("/{video_id}", operation_id="get_video")
def get_video(server: Server, served: Asked, visitor: Reader, video_id: str) -> VideoForm:
    """A video, and what its file holds."""
    row = served.video(video_id)
    form = _form(served, visitor, row)
    try:
        form.facts = _facts_form(server.media.facts(row))
    except (Problem, VideoError) as error:  # the row says more than nothing
        found = error.detail if isinstance(error, Problem) else error.found
        form.reason = form.reason or words_for(visitor, found, row.path)
    return form


@router.get("/{video_id}/segments", operation_id="list_moments")
def list_moments(served: Asked, visitor: Reader, video_id: str) -> MomentsAnswer:
    """The moments of a video, by time."""
    row = served.video(video_id)
    return MomentsAnswer(
        moments=[
            MomentForm(
                moment_id=moment.id, start_seconds=moment.start, end_seconds=moment.end, coverage=moment.coverage
            )
            for moment in served.library().moments([row])
        ]
    )


@router.get(
    "/{video_id}/thumbnail",
    operation_id="thumbnail",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "Not changed"}},
)
def thumbnail(
    server: Server,
    served: Asked,
    visitor: Reader,
    video_id: str,
    start: StartSecond = 0.0,
    end: EndSecond | None = None,
    outlined: bool = False,
    width: Annotated[int, Query(ge=32, le=1280, description="Pixels")] = 320,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """The frame of a moment that best shows what moves, with its outline or without."""
    row = served.video(video_id)
    picture = server.media.thumbnail(served, row, start, _end(row, start, end), width)[outlined]
    headers = {"ETag": picture.etag, "Cache-Control": PICTURES_LAST}
    if if_none_match is not None and picture.etag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(picture.content, media_type="image/jpeg", headers=headers)


@router.get(
    "/{video_id}/stream",
    operation_id="stream",
    response_class=Response,
    responses={
        200: {"content": {"video/mp4": {}}},
        206: {"content": {"video/mp4": {}}, "description": "The range asked for"},
        303: {"description": "The file cannot be played by browsers: here is the moment as an mp4, from time 0 on"},
    },
)
def stream(
    server: Server,
    served: Asked,
    visitor: Reader,
    video_id: str,
    start: StartSecond = 0.0,
    end: EndSecond | None = None,
) -> Response:
    """The bytes of a video; takes ranges. start and end only say which moment is wanted if it cannot be played."""
    row = served.video(video_id)
    if (reason := server.media.facts(row).not_played) is not None:
        if end is None:
            raise Problem("not_playable", f"{reason}. Ask for a moment of it with start and end, or for its /clip.")
        query = urlencode({"library": served.name, "start": f"{start:.3f}", "end": f"{end:.3f}"})
        return RedirectResponse(f"/v1/videos/{video_id}/clip?{query}", 303)
    kind = KINDS.get(row.path.suffix.lower(), "video/mp4")
    return SentFile(server.media.opened(row), kind, _named(row.path, "inline"))


@router.get(
    "/{video_id}/clip",
    operation_id="clip",
    response_class=Response,
    responses={200: {"content": {"video/mp4": {}}}, 206: {"content": {"video/mp4": {}}}},
)
def clip(
    server: Server,
    served: Asked,
    visitor: Reader,
    video_id: str,
    start: StartSecond,
    end: EndSecond,
    download: bool = False,
) -> Response:
    """A moment as an mp4 that every browser plays, whatever the file is; its time 0 is `start`."""
    row = served.video(video_id)
    film = server.media.film(row, start, _end(row, start, end))
    name = Path(f"{row.path.stem} {start:.1f}-{end:.1f} s.mp4")
    try:
        opened = open_regular(film)
    except OSError:  # others made room for theirs meanwhile
        raise Problem("unavailable", "Try again.", headers={"Retry-After": "1"}) from None
    return SentFile(opened, "video/mp4", _named(name, "attachment" if download else "inline"))


@router.get("/{video_id}/motion", operation_id="motion")
def motion(
    server: Server,
    served: Asked,
    visitor: Reader,
    video_id: str,
    start: StartSecond,
    end: EndSecond,
    per_second: Annotated[float, Query(gt=0, le=30)] = 5.0,
) -> MotionAnswer:
    """What moves from start to end, as outlines to draw over the video; at most 120 frames."""
    row = served.video(video_id)
    found = server.media.outlines(served, row, start, _end(row, start, end), per_second)
    return MotionAnswer(
        seconds=list(found.seconds),
        outlines=[[list(polygon) for polygon in frame] for frame in found.polygons],
        arrows=list(found.arrows),
        camera=list(found.cameras),
        coverage=list(found.coverage),
        fallback=list(found.fallback),
    )


def paged(rows: list[VideoRow], limit: int, cursor: str | None) -> tuple[list[VideoRow], str | None]:
    """Some rows after the one that the cursor names, and the cursor of the page that follows. Raises Problem."""
    start = 0
    if cursor is not None:
        start = next((place + 1 for place, row in enumerate(rows) if row.id == cursor), 0)
        if not start:
            raise Problem("gone", "The video that this cursor stands at is gone: list them again without a cursor.")
    page = rows[start : start + limit]
    return page, page[-1].id if start + limit < len(rows) else None


def _is_wanted(row: VideoRow, folder: str | None, state: str | None) -> bool:
    if state is not None and ("missing" if row.missing else row.status) != state:
        return False
    return folder is None or row.path.is_relative_to(os.path.expanduser(folder))


def _form(served: Served, visitor: Visitor, row: VideoRow) -> VideoForm:
    urls = moment_urls(served, row.id, 0.0, row.duration_seconds or 0.0)
    return VideoForm(
        video_id=row.id,
        path=path_for(visitor, row.path),
        name=plain(row.path.name),
        size_bytes=row.size_bytes,
        duration_seconds=row.duration_seconds,
        status=row.status,
        reason=None if row.reason is None else words_for(visitor, row.reason, row.path),
        missing=row.missing,
        num_moments=row.num_segments,
        stream_url=urls["stream_url"],
        thumbnail_url=urls["thumbnail_url"] if row.num_segments else None,
    )


def _facts_form(facts: PlayFacts) -> FactsForm:
    return FactsForm(
        container=facts.container,
        codec=facts.codec,
        pixel_format=facts.pixel_format,
        width=facts.width,
        height=facts.height,
        rotation=facts.rotation,
        fps=facts.frames_per_second,
        audio=facts.audio,
        not_played=facts.not_played,
    )


def _end(row: VideoRow, start: float, end: float | None) -> float:
    """The end of what is asked for. Raises Problem if there is nothing between."""
    last = row.duration_seconds or 0.0
    chosen = last if end is None else min(end, last)
    if not start < chosen:
        raise Problem("invalid_value", f"The video has no moment from {start:g} s to {chosen:g} s.")
    return chosen


def _named(path: Path, how: str) -> str:
    return f"{how}; filename*=UTF-8''{quote(plain(path.name), safe='')}"
