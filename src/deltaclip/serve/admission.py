"""Who a request is from, and whether it may go on: its names, its origin, its token, and how often it comes."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote_plus

from starlette.datastructures import Headers

from deltaclip.serve.access import Visitor
from deltaclip.serve.hosts import Names, host_name, is_loopback
from deltaclip.serve.problems import Problem
from deltaclip.serve.rates import Failures, Rate, peer_key
from deltaclip.serve.sessions import Sessions
from deltaclip.serve.tokens import TOKEN_PATTERN, Token, TokenError, Tokens

__all__ = ["MOST_HEADER_BYTES", "SAFE", "Admission", "Asking"]

MOST_HEADERS, MOST_HEADER_BYTES, LONGEST_URL = 100, 32 * 1024, 8192
PER_SECOND, BURST = 200.0, 1000.0
"""Of requests of one visitor: a page that shows 200 hits asks for some 400 pictures at once."""
SAFE = ("GET", "HEAD")
NOBODY = Visitor(frozenset(), sees_paths=False)
OWNER = Visitor(frozenset({"read", "index"}), sees_paths=True)
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""A request with one of these came through a proxy: its peer is not who asks."""
_TOKEN_IN_URL = re.compile(rf"{TOKEN_PATTERN}|(?:^|[?&])(?:access_)?token=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as it came: peer and listening are addresses, None for a socket that has none."""

    method: str
    path: str
    target: str
    headers: Headers
    peer: str | None
    listening: str | None
    port: int | None

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "Asking":  # Any: ASGI
        """From the scope of ASGI."""
        raw = scope.get("raw_path") or scope["path"].encode()
        target = b"?".join((raw, scope["query_string"])) if scope["query_string"] else raw
        client, server = scope.get("client"), scope.get("server")
        return cls(
            scope["method"],
            scope["path"],
            target.decode("latin-1"),
            Headers(raw=list(scope["headers"])),
            client[0] if client else None,
            server[0] if server else None,
            server[1] if server else None,
        )

    @property
    def host(self) -> str:
        """The Host header; empty if there is not exactly one."""
        found = self.headers.getlist("host")
        return found[0] if len(found) == 1 else ""

    @property
    def came_through_proxy(self) -> bool:
        """Whether a proxy says so."""
        return any(name in self.headers for name in FORWARDED)

    @property
    def key(self) -> str:
        """By what it is counted. Behind a proxy on this machine, by the address that the proxy saw."""
        if self.peer is not None and is_loopback(self.peer) and "x-forwarded-for" in self.headers:
            return peer_key(self.headers.getlist("x-forwarded-for")[-1].rpartition(",")[2].strip())
        return peer_key(self.peer or "unknown")

    @property
    def cookie_name(self) -> str:
        """Of the session. Browsers keep cookies for all ports of a machine together."""
        return f"deltaclip_session_{self.port or 0}"


class Admission:
    """Decides on each request of a server."""

    def __init__(self, host: str, allowed_hosts: Sequence[str] = (), tokens: Tokens | None = None) -> None:
        """host: what the server listens on. tokens: None for those of the user.

        Raises TokenError if other machines could reach the server and there is no token.
        """
        self.names = Names(host, allowed_hosts)
        self.tokens = tokens or Tokens()
        self.sessions = Sessions(self.tokens)
        self._wrong, self._rate = Failures(), Rate(PER_SECOND, BURST)
        if not self.names.is_local and not self.tokens.all():
            raise _NoTokenError(
                host if not is_loopback(host) else ", ".join(allowed_hosts),
                "other machines could reach the server, and there is no token yet",
                "Make one with: deltaclip token new. Or serve on 127.0.0.1, which only this machine reaches.",
            )

    def require_form(self, asking: Asking) -> None:
        """Raises Problem for a request that is refused whoever sends it."""
        if len(asking.target) > LONGEST_URL:
            raise Problem("uri_too_long", f"An address has at most {LONGEST_URL:,} characters.")
        if "\0" in asking.path:
            raise Problem("invalid_value", "An address with a NUL character leads nowhere.")
        if len(asking.headers.raw) > MOST_HEADERS:
            raise Problem("headers_too_large", f"A request has at most {MOST_HEADERS} headers.")
        if sum(len(name) + len(value) for name, value in asking.headers.raw) > MOST_HEADER_BYTES:
            raise Problem("headers_too_large", f"Headers have at most {MOST_HEADER_BYTES // 1024} kB.")
        name = host_name(asking.host)
        if name is None or not self.names.has(name, asking.listening):
            raise Problem(
                "wrong_host", "The server does not answer to this name: its owner can allow it with --allow-host NAME."
            )
        if not _is_same_origin(asking):
            raise Problem("forbidden", "The request comes from a page of a different site.")
        if _TOKEN_IN_URL.search(unquote_plus(asking.target)):
            raise Problem(
                "token_in_url",
                "A token was sent in an address, which is kept in histories and logs. Remove this token with "
                "deltaclip token remove, make a new one, and send that in the header Authorization: Bearer.",
            )

    def visitor(self, asking: Asking) -> Visitor:
        """Who asks. Raises Problem for a wrong token, and for too many requests."""
        is_owner = self._is_owner(asking)
        token = self._token(asking)
        if not is_owner and (wait := self._rate.wait_seconds(token.digest if token else asking.key)):
            raise _too_many("Too many requests: ask more slowly.", wait)
        if token is not None:
            return Visitor(frozenset(token.scopes), sees_paths=is_owner)
        return OWNER if is_owner else NOBODY

    def shown(self, asking: Asking, text: str) -> Token:
        """The token of that text. Raises Problem for a wrong one, and for anything from who was wrong too often."""
        if wait := self._wrong.wait_seconds(asking.key):
            raise _too_many("Too many wrong tokens were sent from your address: wait.", wait)
        token = self.tokens.matching(text)
        if token is None:
            self._wrong.count(asking.key)
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Problem("unauthorized", "The token is wrong, or was removed.", headers=headers)
        return token

    def session_id(self, asking: Asking) -> str | None:
        """The id in the cookie of the page."""
        try:
            found = SimpleCookie(asking.headers.get("cookie", "")).get(asking.cookie_name)
        except CookieError:
            return None
        return None if found is None else found.value

    def _token(self, asking: Asking) -> Token | None:
        """The token in the header, else that of the session. Raises Problem for a wrong one."""
        header = asking.headers.get("authorization")
        if header is not None:
            kind, _, text = header.partition(" ")
            if kind.lower() != "bearer":
                headers = {"WWW-Authenticate": "Bearer"}
                raise Problem("unauthorized", "Send a token as Authorization: Bearer.", headers=headers)
            return self.shown(asking, text.strip())
        session_id = self.session_id(asking)
        return None if session_id is None else self.sessions.token_of(session_id)

    def _is_owner(self, asking: Asking) -> bool:
        """Whether a request comes from this machine itself to a server that nobody else reaches."""
        if not self.names.is_local or asking.peer is None or asking.came_through_proxy:
            return False
        return is_loopback(asking.peer) and is_loopback(host_name(asking.host) or "")


class _NoTokenError(TokenError):
    refused = True


def _is_same_origin(asking: Asking) -> bool:
    """Whether a request comes from a page of this server, or from no page at all.

    Browsers tell where it comes from in Origin and Sec-Fetch-Site, and no script can change these. Following a link to
    the page from elsewhere is allowed.
    """
    origin = asking.headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != asking.host.lower():
        return False
    site = asking.headers.get("sec-fetch-site", "none")
    if site in ("same-origin", "none"):
        return True
    is_link = asking.headers.get("sec-fetch-mode") == "navigate" and asking.headers.get("sec-fetch-dest") == "document"
    return asking.method in SAFE and is_link and not asking.path.startswith(("/v1", "/mcp", "/metrics"))


def _too_many(detail: str, wait: float) -> Problem:
    return Problem("too_many_requests", detail, headers={"Retry-After": str(math.ceil(wait))})
