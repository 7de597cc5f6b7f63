"""What runs on the nodes of a cluster: tasks that read files, and actors that encode their clips."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import deltaclip
from deltaclip.cluster.reading import Encoded, FileRead, FileToRead, read_files
from deltaclip.cluster.starting import ray
from deltaclip.errors import DeltaclipError, EngineError
from deltaclip.library import RememberedEncoder, RememberedMotionEncoder, finite_vectors
from deltaclip.reader import Clip, ReaderSpec

__all__ = ["EncoderOnNode", "EncoderWanted", "TaskDone", "read_on_node"]


@dataclass(frozen=True, slots=True)
class EncoderWanted:
    """Which encoders make the vectors of a run, of which deltaclip."""

    encoder: RememberedEncoder
    motion: RememberedMotionEncoder | None
    version: str = field(default=deltaclip.__version__)


@dataclass(slots=True)
class TaskDone:
    """What a task gives back.

    lost: why its encoder could not finish, in which case `files` is empty. seconds: in which the stages of
    `pipeline.STAGES` worked.
    """

    files: list[FileRead]
    seconds: dict[str, float]
    lost: str | None = None


class EncoderOnNode:
    """An actor: the encoders of a run, loaded once."""

    def load(self, wanted: EncoderWanted) -> dict[str, str]:
        """Loads them, and says by which engine they run. Raises DeltaclipError if they are not those of the run."""
        node = f"node {ray.util.get_node_ip_address()}"
        if wanted.version != deltaclip.__version__:
            found = f"it has deltaclip {deltaclip.__version__}, and the run was started with {wanted.version}"
            raise EngineError(node, found, "Install the same version on every node.")
        self._encoder = wanted.encoder.load()
        self._motion = None if wanted.motion is None else wanted.motion.load()
        for loaded, known in ((self._encoder, wanted.encoder), (self._motion, wanted.motion)):
            if loaded is not None and known is not None and loaded.fingerprint != known.fingerprint:
                found = f"its {known.name} has the fingerprint {loaded.fingerprint}, not {known.fingerprint}"
                raise EngineError(node, found, "Put the same weights on every node.")
        return {name: str(value) for name, value in self._encoder.engine.facts.items()}

    def encode(self, clips: list[Clip]) -> Encoded:
        """Of each of N clips."""
        begun = time.perf_counter()
        looks = finite_vectors(self._encoder, clips)
        moves = None if self._motion is None else finite_vectors(self._motion, clips)
        return Encoded(looks, moves, time.perf_counter() - begun)


def read_on_node(files: Sequence[FileToRead], spec: ReaderSpec, encoder: Any) -> TaskDone:  # Any: a handle of Ray's
    """The body of a task. encoder: the actor that encodes."""
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

    def encode(clips: list[Clip]) -> Any:
        ref = encoder.encode.remote(clips)
        return lambda: ray.get(ref)

    try:
        return TaskDone(*read_files(files, spec, encode))
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, DeltaclipError):
            raise cause from error
        raise
    except ray.exceptions.RayError as error:
        return TaskDone([], {}, lost=f"its encoder was lost ({type(error).__name__})")
