"""Errors of the API: problems in the form of RFC 9457, each with a code that stays the same."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from deltaclip.errors import (
    CheckpointError,
    DeltaclipError,
    EngineError,
    LibraryError,
    PathError,
    PictureError,
    PrecisionError,
    VideoError,
)
from deltaclip.library import LockedError, NoLibraryError, NoMotionWordsError, NotWritableError

__all__ = ["CODES", "MEDIA_TYPE", "Problem", "answer_of", "handle_errors"]

MEDIA_TYPE = "application/problem+json"
CODES: Mapping[str, tuple[int, str]] = {
    "invalid_request": (422, "The request does not have the form that the API describes"),
    "invalid_value": (400, "A value in the request cannot be used"),
    "no_motion_words": (400, "No word of the text is understood as motion"),
    "unauthorized": (401, "A token is needed"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "This address does not take that method"),
    "nothing_indexed": (409, "Nothing is indexed yet"),
    "locked": (409, "The library is being written"),
    "not_playable": (409, "Browsers cannot play this file"),
    "not_writable": (409, "The library can only be read"),
    "gone": (410, "It was there, and is no longer"),
    "too_large": (413, "Too large"),
    "unsupported_media": (415, "This kind of file cannot be searched with"),
    "range_not_satisfiable": (416, "The file has no such range"),
    "unreadable_video": (422, "The video cannot be read"),
    "too_many_requests": (429, "Too many requests"),
    "headers_too_large": (431, "The headers are too large"),
    "library_error": (500, "The library cannot be used"),
    "internal": (500, "Something unforeseen happened"),
    "unavailable": (503, "Not now"),
}
"""Code -> status and title."""
_OF_STATUS = {status: code for code, (status, _) in reversed([*CODES.items()])}
_OF_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (NoMotionWordsError, "no_motion_words"),
    (LockedError, "locked"),
    (NotWritableError, "not_writable"),
    (NoLibraryError, "nothing_indexed"),
    (VideoError, "unreadable_video"),
    (PictureError, "unreadable_video"),
    (PathError, "invalid_value"),
    (LibraryError, "library_error"),
    (CheckpointError, "library_error"),
    (EngineError, "library_error"),
    (PrecisionError, "library_error"),
    (DeltaclipError, "internal"),
)
_log = logging.getLogger(__name__)


class Problem(Exception):
    """An error that an answer tells: a code of CODES and what happened in this case, a sentence.

    extra: further members of the answer. headers: of the answer.
    """

    def __init__(
        self, code: str, detail: str, extra: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail
        self.status, self.title = CODES[code]
        self.extra, self.headers = dict(extra or {}), dict(headers or {})


def answer_of(problem: Problem) -> JSONResponse:
    """A problem as it is sent."""
    members = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
    content = {**members, "code": problem.code, **problem.extra}
    return JSONResponse(content, problem.status, problem.headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem | None:
    """What an error of the rooms below is to a client; None for one that nobody foresaw.

    Paths of this machine are in `detail` only for the person who may see them: see `Problem` in `paths.hidden`.
    """
    code = next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), None)
    return None if code is None else Problem(code, str(error))


def handle_errors(app: FastAPI) -> None:
    """Has an app answer with problems whatever goes wrong in it."""

    async def told(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return answer_of(error)

    async def unfit(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        errors = [{"where": [*map(str, each["loc"])], "found": each["msg"]} for each in error.errors()]
        first = errors[0]
        return answer_of(
            Problem("invalid_request", f"{'.'.join(first['where'])}: {first['found']}", {"errors": errors})
        )

    async def of_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = _OF_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "invalid_value")
        problem = Problem(code, str(error.detail), headers=error.headers)
        problem.status = error.status_code
        return answer_of(problem)

    async def of_rooms(request: Request, error: Exception) -> JSONResponse:
        problem = problem_of(error)
        if problem is None:
            _log.error("unforeseen error in %s %s", request.method, request.url.path, exc_info=error)
            problem = Problem("internal", "This should not happen: please report it with the server's log.")
        return answer_of(problem)

    app.add_exception_handler(Problem, told)
    app.add_exception_handler(RequestValidationError, unfit)
    app.add_exception_handler(HTTPException, of_http)
    for kind in (DeltaclipError, NoMotionWordsError, Exception):
        app.add_exception_handler(kind, of_rooms)
