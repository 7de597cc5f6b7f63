"""Errors of the API: problems in the form of RFC 9457, each with a code that stays the same."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
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
from deltaclip.serve.hiding import without_paths

__all__ = ["CODES", "MEDIA_TYPE", "Problem", "answer_of", "handle_errors", "problem_of", "unforeseen_problem"]

MEDIA_TYPE = "application/problem+json"
CODES: Mapping[str, tuple[int, str]] = {
    "invalid_request": (422, "The request does not have the form that the API describes"),
    "invalid_value": (400, "A value in the request cannot be used"),
    "no_motion_words": (400, "No word of the text is understood as motion"),
    "token_in_url": (400, "A token must not be in an address"),
    "unauthorized": (401, "A token is needed"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "This address does not take that method"),
    "too_slow": (408, "The request came too slowly"),
    "nothing_indexed": (409, "Nothing is indexed yet"),
    "locked": (409, "The library is being written"),
    "not_playable": (409, "Browsers cannot play this file"),
    "not_writable": (409, "The library can only be read"),
    "gone": (410, "It was there, and is no longer"),
    "too_large": (413, "Too large"),
    "uri_too_long": (414, "The address is too long"),
    "unsupported_media": (415, "This kind of file cannot be searched with"),
    "range_not_satisfiable": (416, "The file has no such range"),
    "unreadable_video": (422, "The video cannot be read"),
    "wrong_host": (421, "The server has a different name"),
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


def answer_of(problem: Problem) -> Response:
    """A problem as it is sent; any characters that a client sent can be in it."""
    members = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
    content = json.dumps({**members, "code": problem.code, **problem.extra}, ensure_ascii=True)
    return Response(content, problem.status, problem.headers, MEDIA_TYPE)


def problem_of(error: Exception, sees_paths: bool) -> Problem | None:
    """What an error of the rooms below is to a client; None for one that nobody foresaw.

    Whoever may not see paths is told what a video has, and of other errors only their kind.
    """
    code = next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), None)
    if code is None or sees_paths:
        return None if code is None else Problem(code, str(error))
    if CODES[code][0] >= 500 or isinstance(error, VideoError):  # others are about the question, which is not logged
        _log.warning("%s", error)
    if isinstance(error, VideoError):
        return Problem(code, without_paths(f"{Path(error.what).name}: {error.found}.", error.what))
    return Problem(code, f"{CODES[code][1]}.")


def unforeseen_problem(request: Request, error: Exception) -> Problem:
    """What an error that nobody foresaw is to a client; the log has all of it."""
    _log.error("unforeseen error in %s %s", request.method, request.url.path, exc_info=error)
    return Problem("internal", "This should not happen: please report it with the server's log.")


def handle_errors(app: FastAPI) -> None:
    """Has an app answer with problems whatever goes wrong in it, but for unforeseen errors, which the guard takes."""

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return answer_of(error)

    async def unfit(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [{"where": [*map(str, each["loc"])], "found": each["msg"]} for each in error.errors()]
        first = errors[0]
        return answer_of(
            Problem("invalid_request", f"{'.'.join(first['where'])}: {first['found']}", {"errors": errors})
        )

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _OF_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "invalid_value")
        problem = Problem(code, str(error.detail), headers=error.headers)
        problem.status = error.status_code
        return answer_of(problem)

    async def of_rooms(request: Request, error: Exception) -> Response:
        problem = problem_of(error, request.state.visitor.sees_paths)
        return answer_of(problem or unforeseen_problem(request, error))

    app.add_exception_handler(Problem, told)
    app.add_exception_handler(RequestValidationError, unfit)
    app.add_exception_handler(HTTPException, of_http)
    for kind in (DeltaclipError, NoMotionWordsError):
        app.add_exception_handler(kind, of_rooms)
