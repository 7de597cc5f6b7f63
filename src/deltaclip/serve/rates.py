"""How much one visitor may ask, and how often they may be wrong. Memory is bounded: the oldest are forgotten."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Failures", "Rate", "peer_key"]

MOST_KEPT = 10_000


def peer_key(address: str) -> str:
    """By what a peer is counted: its address; of IPv6 the /64, as one machine has all of it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rate:
    """A token bucket for each key: `per_second` requests in the long run, `burst` at once."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_seconds(self, key: str) -> float:
        """Counts a request; 0 if it may go on, else after how long the next may."""
        now = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_KEPT:
            self._buckets.popitem(last=False)
        bucket.left = min(bucket.left + (now - bucket.at) * self._per_second, self._burst)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_second
        bucket.left -= 1
        return 0.0


@dataclass(slots=True)
class _Wrong:
    """count: since `since`. locks: how often it was locked in a row. until: locked up to then."""

    since: float
    count: int = 0
    locks: int = 0
    until: float = 0.0


class Failures:
    """Locks a key out for a while after `most` wrong tries within `window` seconds, each time twice as long."""

    def __init__(
        self,
        most: int = 10,
        window: float = 60.0,
        longest: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._window, self._longest, self._clock = most, window, longest, clock
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()

    def wait_seconds(self, key: str) -> float:
        """For how long nothing that this key tries is looked at; 0 if it is."""
        found = self._wrong.get(key)
        return 0.0 if found is None else max(found.until - self._clock(), 0.0)

    def count(self, key: str) -> None:
        """Counts a wrong try."""
        now = self._clock()
        found = self._wrong.setdefault(key, _Wrong(now))
        self._wrong.move_to_end(key)
        if len(self._wrong) > MOST_KEPT:
            self._wrong.popitem(last=False)
        if now - max(found.since, found.until) > self._window:
            if now - found.until > self._longest:
                found.locks = 0
            found.since, found.count = now, 0
        found.count += 1
        if found.count >= self._most:
            found.until = now + min(self._window * 2**found.locks, self._longest)
            found.since, found.count, found.locks = found.until, 0, found.locks + 1
