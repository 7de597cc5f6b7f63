"""Names of a server: which of them a request may carry, so that no page of a different site can speak to it."""

import ipaddress
import re
import socket
from collections.abc import Sequence

__all__ = ["Names", "host_name", "is_loopback"]

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>\d{1,5}))?")
WILDCARDS = ("", "0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that name or address: localhost, 127.0.0.0/8 or ::1."""
    if host.lower().rstrip(".") == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def host_name(header: str) -> str | None:
    """The name in a Host header or in the authority of an origin, without port and brackets, in lower case; None for
    what is neither.

    The port is not looked at: a page can only reach a server under the port that it really has, or one that somebody
    has forwarded to it.
    """
    found = _HOST.fullmatch(header)
    return None if found is None else found["name"].strip("[]").lower().rstrip(".")


class Names:
    """The names that a server answers to.

    is_local: it listens on loopback and answers to no other names, so who is on this machine needs no token.
    """

    def __init__(self, host: str, allowed: Sequence[str] = ()) -> None:
        """host: what the server listens on. allowed: names beside that, as those of a reverse proxy."""
        self.is_local = is_loopback(host) and not allowed
        names = {host, *allowed}
        if host in WILDCARDS:
            own = socket.gethostname()
            names |= {own, f"{own}.local"}
        self._names = {each.strip("[]").lower().rstrip(".") for each in names if each not in WILDCARDS}

    def has(self, name: str, listening: str | None) -> bool:
        """Whether a request may call the server by that name. listening: the address that its connection came to.

        An address cannot be made to lead to a different machine as a name can; those of this machine are known by the
        connection itself.
        """
        if name in self._names or is_loopback(name):
            return True
        address = _address(name)
        return address is not None and listening is not None and address == _address(listening)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
