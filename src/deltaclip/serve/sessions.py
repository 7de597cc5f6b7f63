"""Sessions of the page: a cookie with a random id stands for a token, which the browser then need not keep."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from deltaclip.serve.tokens import Token, Tokens

__all__ = ["SESSION_SECONDS", "Sessions"]

SESSION_SECONDS = 12 * 3600
MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class _Session:
    token_digest: str
    until: float


class Sessions:
    """The sessions of a server; they end with it. Called in the event loop."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens, self._clock = tokens, clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, token: Token) -> str:
        """A new session for who has shown a token; returns its id, 256 random bits."""
        session_id = secrets.token_urlsafe(32)
        self._sessions[_key(session_id)] = _Session(token.digest, self._clock() + SESSION_SECONDS)
        while len(self._sessions) > MOST_KEPT:
            self._sessions.popitem(last=False)
        return session_id

    def token_of(self, session_id: str) -> Token | None:
        """The token of a session; None if there is no such session, or it is over, or its token was removed."""
        found = self._sessions.get(_key(session_id))
        token = None if found is None or found.until < self._clock() else self._tokens.known(found.token_digest)
        if token is None:
            self.end(session_id)
        return token

    def end(self, session_id: str) -> None:
        """Forgets a session, if there is one."""
        self._sessions.pop(_key(session_id), None)


def _key(session_id: str) -> str:
    """Looked up by digest: how long that takes tells nothing about ids that exist."""
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()
