"""The libraries themselves, and the state of the server."""

from collections import Counter
from contextlib import suppress
from stat import S_ISREG

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deltaclip.library import local_folder
from deltaclip.serve.access import Reader, Visitor, path_for
from deltaclip.serve.forms import FolderForm, LibrariesAnswer, LibraryForm
from deltaclip.serve.hiding import plain
from deltaclip.serve.metrics import INDEXED, MOMENTS, REGISTRY
from deltaclip.serve.shelf import Served
from deltaclip.serve.state import Asked, Server, ServerState

__all__ = ["library_form", "router", "state_router"]

router = APIRouter(prefix="/v1", tags=["library"])
state_router = APIRouter(tags=["state"])
MOST_FOLDERS = 200


@router.get("/libraries", operation_id="list_libraries")
def list_libraries(server: Server, visitor: Reader) -> LibrariesAnswer:
    """The libraries that are served, in order."""
    return LibrariesAnswer(libraries=[library_form(server, served, visitor) for served in server.shelf])


@router.get("/library", operation_id="get_library")
def get_library(server: Server, served: Asked, visitor: Reader) -> LibraryForm:
    """What a library holds, and who made its vectors."""
    return library_form(server, served, visitor)


@state_router.get("/healthz", operation_id="is_alive")
async def is_alive() -> dict[str, str]:
    """Whether the server answers."""
    return {"status": "ok"}


@state_router.get("/readyz", operation_id="is_ready")
def is_ready(server: Server) -> dict[str, str]:
    """Whether questions can be answered: every library opens, and its encoder is loaded."""
    for served in server.shelf:
        library = served.found()
        if library is not None and library.remembered_encoder() is not None:
            _ = library.encoder
    return {"status": "ready"}


@state_router.get("/metrics", operation_id="metrics", response_class=Response)
def metrics(server: Server, visitor: Reader) -> Response:
    """Latency by stage, what waits, and how much is indexed, in Prometheus' form."""
    for served in server.shelf:
        if (library := served.found()) is not None:
            state = library.status()
            MOMENTS.labels(served.name).set(state.segments)
            INDEXED.labels(served.name).set(state.videos)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def library_form(server: ServerState, served: Served, visitor: Visitor) -> LibraryForm:
    """What a visitor is told of a library."""
    library = served.found()
    may_index = "index" in visitor.scopes
    form = LibraryForm(
        name=served.name,
        address=path_for(visitor, str(served.address)),
        roots=[plain(str(root)) for root in server.roots] if may_index else [],
        may_index=may_index and bool(server.roots),
    )
    if library is None:
        return form
    state, made_by = library.status(), library.remembered_encoder()
    return form.model_copy(
        update={
            "created": made_by is not None,
            "videos": state.videos,
            "moments": state.segments,
            "failed": state.failed,
            "missing": state.missing,
            "without_motion": state.without_motion,
            "encoder": state.encoder,
            "fingerprint": state.fingerprint,
            "motion": None if made_by is None else made_by.motion,
            "motion_encoder": state.motion_encoder,
            "outdated": None if made_by is None else made_by.outdated,
            "size_bytes": _size_bytes(library.address),
            "folders": _folders(served, visitor),
        }
    )


def _folders(served: Served, visitor: Visitor) -> list[FolderForm]:
    """The folders that hold videos, by path."""
    counts = Counter(row.path.parent for row in served.videos() if not row.missing)
    return [
        FolderForm(name=plain(folder.name), path=path_for(visitor, folder), videos=number)
        for folder, number in sorted(counts.items())[:MOST_FOLDERS]
    ]


def _size_bytes(address: str) -> int | None:
    """Of the files of a library; None if it is on no disk of this machine."""
    folder = local_folder(address)
    if folder is None or not folder.is_dir():
        return None
    size = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # a writer deletes files meanwhile
            status = file.lstat()
            size += status.st_size if S_ISREG(status.st_mode) else 0
    return size
