"""The page: files of this package, for any path that is not the API's."""

from importlib.resources import files
from pathlib import PurePosixPath

from fastapi import APIRouter, Response

from deltaclip.serve.problems import Problem

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = files("deltaclip.serve").joinpath("page")


@router.get("/")
@router.get("/video/{video_id}")
@router.get("/library")
@router.get("/compare")
def page() -> Response:
    """The page itself, which shows one of its views by its address."""
    return static("index.html")


@router.get("/static/{path:path}")
def static(path: str) -> Response:
    """A file of the page. Raises Problem."""
    file = PurePosixPath(path)
    if file.suffix not in KINDS or file.is_absolute() or ".." in file.parts or len(file.parts) > 2:
        raise Problem("not_found", f"The page has no file {path!r}.")
    try:
        content = _PAGE.joinpath(*file.parts).read_bytes()
    except OSError:
        raise Problem("not_found", f"The page has no file {path!r}.") from None
    return Response(content, media_type=KINDS[file.suffix], headers={"Cache-Control": "no-cache"})
