"""Sessions of the page: a token is sent once, and a cookie that no script can read stands for it after."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from deltaclip.serve.access import Visitor
from deltaclip.serve.admission import Admission, Asking
from deltaclip.serve.forms import SessionAnswer, SessionRequest
from deltaclip.serve.sessions import SESSION_SECONDS

__all__ = ["router"]

router = APIRouter(prefix="/v1/session", tags=["session"])


def _admission(request: Request) -> Admission:
    return cast("Admission", request.app.state.admission)


def _asking(request: Request) -> Asking:
    return Asking.of(request.scope)


NowAsking = Annotated[Asking, Depends(_asking)]
Door = Annotated[Admission, Depends(_admission)]


@router.get("", operation_id="get_session")
async def get_session(request: Request) -> SessionAnswer:
    """What the client may do, and whether it has to send a token first."""
    visitor: Visitor = request.state.visitor
    return SessionAnswer(needs_token=not visitor.scopes, scopes=sorted(visitor.scopes, reverse=True))


@router.post("", operation_id="begin_session", status_code=204)
async def begin_session(admission: Door, asking: NowAsking, body: SessionRequest) -> Response:
    """Begins a session of 12 hours with a token, and sets its cookie. It ends early when the token is removed."""
    session_id = admission.sessions.begin(admission.shown(asking, body.token))
    response = Response(status_code=204)
    response.set_cookie(
        asking.cookie_name,
        session_id,
        max_age=SESSION_SECONDS,
        path="/",
        # Browsers say in Origin how the page came to them, which a server behind a proxy does not see itself.
        secure=asking.headers.get("origin", "").startswith("https://"),
        httponly=True,
        samesite="strict",
    )
    return response


@router.delete("", operation_id="end_session", status_code=204)
async def end_session(admission: Door, asking: NowAsking) -> Response:
    """Ends the session of the cookie."""
    if (session_id := admission.session_id(asking)) is not None:
        admission.sessions.end(session_id)
    response = Response(status_code=204)
    response.delete_cookie(asking.cookie_name, path="/", httponly=True, samesite="strict")
    return response
