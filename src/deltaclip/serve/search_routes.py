"""Searching: by a text, a moment, or a file that was sent."""

from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from deltaclip.library import By, Filter, Hit, match_nothing
from deltaclip.serve.access import Reader, Visitor, path_for, words_for
from deltaclip.serve.forms import (
    FilterForm,
    FoundForm,
    HitForm,
    ScoredForm,
    ScoresAnswer,
    SearchAnswer,
    SearchRequest,
    UploadAnswer,
)
from deltaclip.serve.hiding import plain
from deltaclip.serve.problems import Problem
from deltaclip.serve.questions import Page, Question
from deltaclip.serve.shelf import Served
from deltaclip.serve.state import Asked, Server

__all__ = ["answer", "filter_of", "found_form", "moment_urls", "router"]

router = APIRouter(prefix="/v1", tags=["search"])


@router.post("/search", operation_id="search")
async def search(server: Server, served: Asked, visitor: Reader, body: SearchRequest) -> SearchAnswer:
    """The moments that fit a text best, or that are most like a moment or a file."""
    if body.upload_id is not None:
        asked = Question(by=body.by or "appearance", where=filter_of(body.where), fold=body.fold)
        page = await server.uploads.ask(served, body.upload_id, asked, body.limit, body.cursor)
        return answer(served, visitor, page)
    question = Question(
        text=body.text,
        moment_id=body.moment_id,
        by=body.by or ("both" if body.moment_id is None else "appearance"),
        where=filter_of(body.where),
        min_relevance=body.min_relevance,
        fold=body.fold,
    )
    page = await server.desk.ask(served, question, body.limit, body.cursor)
    return answer(served, visitor, page)


@router.get("/videos/{video_id}/similar", operation_id="similar")
async def similar(
    server: Server,
    served: Asked,
    visitor: Reader,
    video_id: str,
    moment_id: Annotated[str, Query(max_length=64)],
    by: By = "appearance",
    limit: Annotated[int, Query(ge=1, le=200)] = 24,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    fold: bool = True,
) -> SearchAnswer:
    """The moments most like one of this video."""
    row = await run_in_threadpool(served.video, video_id)
    if moment_id.partition(".")[0] != row.id and (await run_in_threadpool(served.library().moment, moment_id)) is None:
        raise Problem("not_found", f"The video has no moment {moment_id!r}.")
    page = await server.desk.ask(served, Question(moment_id=moment_id, by=by, fold=fold), limit, cursor)
    return answer(served, visitor, page)


@router.get("/videos/{video_id}/scores", operation_id="scores")
async def scores(
    server: Server,
    served: Asked,
    visitor: Reader,
    video_id: str,
    text: Annotated[str, Query(min_length=1, max_length=2000)],
    by: By = "both",
) -> ScoresAnswer:
    """How well every moment of a video fits a text."""
    row = await run_in_threadpool(served.video, video_id)
    if not text.strip():
        raise Problem("invalid_value", "The text is empty.")
    if not row.num_segments or row.missing:
        return ScoresAnswer(moments=[], motion_words=[])
    question = Question(text=text, by=by, where=Filter(folder=row.path), fold=False)
    page = await server.desk.ask(served, question, row.num_segments, None)
    rows = [
        ScoredForm(moment_id=hit.id, start_seconds=hit.start, end_seconds=hit.end, score=hit.score)
        for hit in sorted(page.hits, key=lambda hit: hit.start)
    ]
    return ScoresAnswer(moments=rows, motion_words=list(page.motion_words))


@router.post(
    "/uploads",
    operation_id="upload",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "video/*")},
        }
    },
)
async def upload(
    server: Server,
    visitor: Reader,
    request: Request,
    content_type: Annotated[str, Header(max_length=100)] = "",
) -> UploadAnswer:
    """Sends a picture or a video to search with; its id is good for `upload_id` of a search."""
    kept = await server.uploads.keep(request.stream(), content_type, request.headers.get("content-length"))
    return UploadAnswer(upload_id=kept.id, kind=kept.kind, expires_seconds=kept.expires_seconds)


@router.delete("/uploads/{upload_id}", operation_id="forget_upload", status_code=204)
async def forget(server: Server, visitor: Reader, upload_id: str) -> Response:
    """Deletes a file that was sent."""
    server.uploads.forget(upload_id)
    return Response(status_code=204)


def answer(served: Served, visitor: Visitor, page: Page) -> SearchAnswer:
    """A page of hits as it is sent."""
    return SearchAnswer(
        hits=[_hit_form(served, visitor, hit) for hit in page.hits],
        next=page.cursor,
        motion_words=list(page.motion_words),
        matches_nothing=match_nothing(page.hits),
        notes=[words_for(visitor, note) for note in page.notes],
    )


def _hit_form(served: Served, visitor: Visitor, hit: Hit) -> HitForm:
    """A hit as it is sent."""
    urls = moment_urls(served, hit.video_id, hit.start, hit.end)
    folded = [found_form(visitor, other) for other in hit.folded]
    return HitForm(**found_form(visitor, hit).model_dump(), **urls, folded=folded)


def found_form(visitor: Visitor, hit: Hit) -> FoundForm:
    """A moment that was found, as this visitor may see it."""
    return FoundForm(
        video_id=hit.video_id,
        moment_id=hit.id,
        path=path_for(visitor, hit.path),
        name=plain(hit.path.name),
        start_seconds=hit.start,
        end_seconds=hit.end,
        score=hit.score,
        appearance=hit.appearance,
        motion=hit.motion,
        relevance=hit.relevance,
        coverage=hit.coverage,
    )


def moment_urls(served: Served, video_id: str, start: float, end: float) -> dict[str, str]:
    """Where a moment's pictures and its video are."""
    place = {"library": served.name, "start": f"{start:.3f}", "end": f"{end:.3f}"}
    query = urlencode(place)
    return {
        "thumbnail_url": f"/v1/videos/{video_id}/thumbnail?{query}",
        "outlined_thumbnail_url": f"/v1/videos/{video_id}/thumbnail?{query}&outlined=1",
        "stream_url": f"/v1/videos/{video_id}/stream?{query}",
    }


def filter_of(form: FilterForm) -> Filter | None:
    """Raises Problem for what no moment can fit."""
    given = form.model_dump(exclude_none=True)
    for name in ("after", "before"):
        if isinstance(when := given.get(name), date) and not isinstance(when, datetime):
            given[name] = datetime(when.year, when.month, when.day)
    try:
        return Filter(**given) if given else None
    except ValueError as error:
        raise Problem("invalid_value", f"{error}.".replace("..", ".")) from error
