"""Ray, and the way to a cluster. The only file that imports it, so that its absence is told in one place."""

import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from deltaclip.errors import DeltaclipError

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or it tells its makers about every run
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what it will do by default, instead of a warning

try:
    import ray
    import ray.exceptions
    import ray.util.scheduling_strategies
except ModuleNotFoundError as error:
    raise DeltaclipError(
        f"the package {error.name}",
        "not installed, and the work is spread with it",
        "Install it with: pip install 'deltaclip[cluster]'",
    ) from error

__all__ = ["connected", "ray"]

CONNECT_SECONDS = 10.0
START_REMEDY = "Check HOST:PORT, and that `ray start --head` runs there with the same versions of Ray and Python."


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """While this process takes part in a cluster. address: HOST:PORT of its head; None for one of this machine only.

    Raises DeltaclipError if there is no cluster.
    """
    if address is not None and address.startswith("ray://"):
        found = "an address of Ray's client, which runs programs elsewhere than where they are started"
        raise DeltaclipError(address, found, "Run this on a node of the cluster, and give HOST:PORT of its head.")
    if address is not None:
        _require_listener(address)
    # Ray starts its processes by fork and exec, and nothing runs between the two.
    warnings.filterwarnings("ignore", "lance is not fork-safe", UserWarning)
    with redirect_stdout(sys.stderr):  # Ray prints which of its processes died, and stdout is for data
        try:
            ray.init(
                address=address or "local",
                include_dashboard=False if address is None else None,
                log_to_driver=False,
                logging_level="ERROR",
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            words = str(error).strip().split("\n")[0].rstrip(".")
            raise DeltaclipError(address or "Ray", f"no cluster can be reached ({words})", START_REMEDY) from error
        try:
            yield
        finally:
            ray.shutdown()


def _require_listener(address: str) -> None:
    """Raises DeltaclipError at once if nobody listens at HOST:PORT, for which Ray would wait many minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        found = f"no cluster can be reached ({getattr(error, 'strerror', None) or error})"
        raise DeltaclipError(address, found, START_REMEDY) from error
