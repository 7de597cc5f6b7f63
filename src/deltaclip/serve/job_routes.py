"""Indexing: jobs, what failed, and the folders that may be indexed."""

import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sse_starlette import EventSourceResponse

from deltaclip.folders import default_cache_path
from deltaclip.serve.access import Indexer, Reader, Visitor, path_for, words_for
from deltaclip.serve.forms import (
    FailureForm,
    FailuresAnswer,
    FolderForm,
    FoldersAnswer,
    IndexRequest,
    JobForm,
    JobsAnswer,
)
from deltaclip.serve.hiding import plain
from deltaclip.serve.jobs import IndexJob
from deltaclip.serve.problems import Problem
from deltaclip.serve.shelf import Served
from deltaclip.serve.state import Asked, Server, ServerState
from deltaclip.serve.video_routes import paged

__all__ = ["allowed_path", "failures_page", "job_form", "router"]

router = APIRouter(prefix="/v1", tags=["indexing"])
ACCEPTED: dict[int | str, dict[str, Any]] = {202: {"description": "Location is the job"}}
MOST_FOLDERS = 1000
DEMO = "demo"


@router.post("/jobs/index", operation_id="start_index", status_code=202, responses=ACCEPTED)
async def start_index(
    server: Server, served: Asked, visitor: Indexer, body: IndexRequest, response: Response
) -> JobForm:
    """Has folders and files indexed, or looked at again. They are below the roots of the server."""
    paths = [allowed_path(server, path) for path in body.paths]
    return _accepted(server.jobs.start(served, "index", paths), visitor, response)


@router.get("/jobs", operation_id="list_jobs")
async def list_jobs(server: Server, visitor: Reader) -> JobsAnswer:
    """The jobs since the server began, newest first."""
    return JobsAnswer(jobs=[job_form(job, visitor) for job in server.jobs.all()])


@router.get("/jobs/{job_id}", operation_id="get_job")
async def get_job(server: Server, visitor: Reader, job_id: str) -> JobForm:
    """How far a job is."""
    return job_form(server.jobs.job(job_id), visitor)


@router.get(
    "/jobs/{job_id}/events",
    operation_id="watch_job",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "`progress` with the job, then `end`"}},
)
async def watch_job(server: Server, visitor: Reader, job_id: str) -> EventSourceResponse:
    """Server-sent events: the job now, whenever it changes, and at its end."""
    server.jobs.job(job_id)

    async def events() -> AsyncIterator[dict[str, str]]:
        async for job in server.jobs.events(job_id):
            yield {"event": "end" if job.has_ended else "progress", "data": job_form(job, visitor).model_dump_json()}

    return EventSourceResponse(events(), ping=15)


@router.delete("/jobs/{job_id}", operation_id="cancel_job", status_code=202)
async def cancel_job(server: Server, visitor: Indexer, job_id: str) -> JobForm:
    """Ends a job after the videos in hand, which are kept."""
    return job_form(server.jobs.cancel(job_id), visitor)


@router.get("/failures", operation_id="list_failures")
def list_failures(
    served: Asked,
    visitor: Reader,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> FailuresAnswer:
    """Files that could not be read, or only in part, and why."""
    return failures_page(served, visitor, limit, cursor)


@router.post("/failures/{failure_id}/retry", operation_id="retry_failure", status_code=202, responses=ACCEPTED)
async def retry_failure(
    server: Server, served: Asked, visitor: Indexer, failure_id: str, response: Response
) -> JobForm:
    """Reads a file again."""
    row = served.video(failure_id)
    if row.status == "indexed" or row.missing:
        raise Problem("not_found", f"There is no failure {failure_id!r}: the file was read, or is gone.")
    return _accepted(server.jobs.start(served, "retry", [row.path]), visitor, response)


@router.get("/folders", operation_id="list_folders")
def list_folders(
    server: Server, visitor: Indexer, path: Annotated[str | None, Query(max_length=4096)] = None
) -> FoldersAnswer:
    """The folders in one of those that may be indexed; without a path these themselves."""
    if path is None:
        roots = [FolderForm(name=plain(root.name or str(root)), path=plain(str(root))) for root in server.roots]
        return FoldersAnswer(path=None, parent=None, folders=roots)
    folder = allowed_path(server, path)
    try:
        found = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError as error:
        raise Problem("not_found", f"{plain(folder.name)}: cannot be listed ({error.strerror}).") from error
    inside = [
        FolderForm(name=plain(each.name), path=plain(str(each)))
        for each in found[:MOST_FOLDERS]
        if _is_allowed(server, each)
    ]
    parent = plain(str(folder.parent)) if _is_allowed(server, folder.parent) else None
    return FoldersAnswer(path=plain(str(folder)), parent=parent, folders=inside)


@router.post("/demo", operation_id="start_demo", status_code=202, responses=ACCEPTED)
async def start_demo(server: Server, visitor: Indexer, response: Response) -> JobForm:
    """Draws the clips of the demo and indexes them, into a library of their own that is named `demo`."""
    folder = default_cache_path() / DEMO
    served = server.shelf.add(DEMO, folder / "library")
    job = server.jobs.start(served, "demo", [folder / "videos"], folder / "videos")
    return _accepted(job, visitor, response)


def failures_page(served: Served, visitor: Visitor, limit: int, cursor: str | None) -> FailuresAnswer:
    """Failures as a visitor may see them. Raises Problem for a cursor whose place is gone."""
    rows = [row for row in served.videos() if row.status != "indexed" and not row.missing]
    page, following = paged(rows, limit, cursor)
    return FailuresAnswer(
        failures=[
            FailureForm(
                failure_id=row.id,
                path=path_for(visitor, row.path),
                name=plain(row.path.name),
                reason=words_for(visitor, row.reason or "", row.path),
            )
            for row in page
        ],
        next=following,
    )


def _accepted(job: IndexJob, visitor: Visitor, response: Response) -> JobForm:
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job_form(job, visitor)


def job_form(job: IndexJob, visitor: Visitor) -> JobForm:
    """A job as a visitor may see it."""
    told = asdict(job)
    del told["id"]
    if not visitor.sees_paths:
        told["paths"] = [Path(path).name for path in job.paths]
        told["current"] = None if job.current is None else Path(job.current).name
        told["error"] = None if job.error is None else "The job failed; the server's owner can see why."
    told["paths"] = [plain(path) for path in told["paths"]]
    told["current"] = None if told["current"] is None else plain(told["current"])
    return JobForm(job_id=job.id, **told)


def allowed_path(server: ServerState, path: str) -> Path:
    """A path that may be indexed. Raises Problem."""
    if "\0" in path:
        raise Problem("invalid_value", "A path with a NUL character names no file.")
    given = Path(os.path.expanduser(path))
    if not given.is_absolute():
        raise Problem("invalid_value", f"{path!r} is no absolute path: the server has no folder of its own.")
    if not _is_allowed(server, given):
        roots = (
            "was started without --root, so it indexes nothing" if not server.roots else "indexes below its roots only"
        )
        raise Problem("forbidden", f"{path!r}: this server {roots}.")
    if not given.exists():
        raise Problem("not_found", f"{path!r}: there is no such file or folder.")
    return given


def _is_allowed(server: ServerState, path: Path) -> bool:
    """Whether a path is below a root, wherever links on the way lead."""
    real = path.resolve()
    return any(real.is_relative_to(root.resolve()) for root in server.roots)
