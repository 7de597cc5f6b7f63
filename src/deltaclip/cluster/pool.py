"""The encoders of a run: one on each node, or one for each GPU if there are any; those that are lost are replaced."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deltaclip.cluster.starting import ray
from deltaclip.cluster.workers import EncoderOnNode, EncoderWanted
from deltaclip.errors import DeltaclipError, EngineError

__all__ = ["EncoderPool"]

START_SECONDS = 600.0
"""How long a cluster may take to start the first encoder: weights may have to be fetched."""
RETRY_SECONDS = 5.0
"""Between two tries to start an encoder at one place."""

RunPlace = tuple[str, int]
"""A node, and which of its encoders."""


@dataclass(slots=True, eq=False)
class _Started:
    """An actor at its place. loading: what is there once it is ready; None from then on. tasks: that use it."""

    actor: Any  # a handle of Ray's
    loading: Any
    tasks: int = 0


class EncoderPool:
    """Encoders on the nodes that are alive, and how many tasks may read beside them."""

    def __init__(self, wanted: EncoderWanted) -> None:
        self._wanted = wanted
        self._started: dict[RunPlace, _Started] = {}
        self._tried: dict[RunPlace, float] = {}
        self._begun = time.monotonic()
        self.facts: dict[str, str] = {}
        self.most = 0
        """How many encoders there were at once."""
        self.readers = 0
        """Tasks that can read at once."""
        self.reader_cpus = 1.0

    def tend(self) -> None:
        """Starts encoders at places that have none, and forgets those of nodes that are gone.

        Raises DeltaclipError if an encoder cannot be loaded, or none is ready after START_SECONDS.
        """
        nodes = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        with_gpu = {node: int(of.get("GPU", 0)) for node, of in nodes.items() if of.get("GPU", 0) >= 1}
        cpus = {node: of.get("CPU", 0.0) for node, of in nodes.items() if of.get("CPU", 0) > 0}
        shares = {node: 1.0 if number >= 2 else number / 2 for node, number in cpus.items()}
        if with_gpu:
            every = [(node, number) for node, many in with_gpu.items() for number in range(many)]
            places: dict[RunPlace, dict[str, float]] = {place: {"num_gpus": 1.0, "num_cpus": 0.0} for place in every}
            taken = dict.fromkeys(cpus, 0.0)
        else:
            taken = {node: max(number // 2, shares[node]) for node, number in cpus.items()}
            places = {(node, 0): {"num_cpus": number} for node, number in taken.items()}
        self.reader_cpus = max(shares.values(), default=1.0)
        self.readers = sum(int((number - taken[node]) / self.reader_cpus) for node, number in cpus.items())
        for place in [place for place in self._started if place not in places]:
            self.drop(self._started[place].actor)
        now = time.monotonic()
        for place, needs in places.items():
            if place not in self._started and now - self._tried.get(place, -RETRY_SECONDS) >= RETRY_SECONDS:
                self._start(place, needs)
        self._look_at_loading()
        if not any(each.loading is None for each in self._started.values()):
            if time.monotonic() - self._begun > START_SECONDS:
                found = f"no encoder could be started within {START_SECONDS:.0f} s on its {len(nodes)} nodes"
                raise EngineError("the cluster", found, "See `ray status`: is a CPU or GPU free?")
        else:
            self._begun = time.monotonic()

    def take(self) -> Any | None:  # Any: a handle of Ray's
        """The encoder with the fewest tasks, which has one more now; None if none is ready."""
        ready = [each for each in self._started.values() if each.loading is None]
        if not ready:
            return None
        chosen = min(ready, key=lambda each: each.tasks)
        chosen.tasks += 1
        return chosen.actor

    def give_back(self, actor: Any) -> None:
        """One of its tasks has ended."""
        for each in self._started.values():
            each.tasks -= each.actor is actor

    def drop(self, actor: Any) -> None:
        """It is lost, or not wanted any more."""
        self._started = {place: each for place, each in self._started.items() if each.actor is not actor}
        ray.kill(actor)

    def _start(self, place: RunPlace, needs: Mapping[str, float]) -> None:
        strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(place[0], soft=False)
        actor = ray.remote(EncoderOnNode).options(scheduling_strategy=strategy, **needs).remote()
        self._started[place] = _Started(actor, actor.load.remote(self._wanted))
        self._tried[place] = time.monotonic()

    def _look_at_loading(self) -> None:
        for each in list(self._started.values()):
            if each.loading is None or not ray.wait([each.loading], timeout=0)[0]:
                continue
            try:
                self.facts = ray.get(each.loading)
                each.loading = None
                self.most = max(self.most, sum(each.loading is None for each in self._started.values()))
            except ray.exceptions.RayTaskError as error:
                cause = getattr(error, "cause", None)
                if isinstance(cause, DeltaclipError):
                    raise cause from error
                raise
            except ray.exceptions.RayError:
                self.drop(each.actor)
