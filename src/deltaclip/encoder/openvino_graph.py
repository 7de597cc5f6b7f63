"""The image encoder as an OpenVINO graph. The only file that imports OpenVINO, and NNCF, which makes int8 of a graph.

OpenVINO reports its import to its makers, and leaves a file about it in the home folder, unless the package that does
so cannot be imported; then it goes without. NNCF draws progress on stdout, which belongs to results.
"""

import contextlib
import importlib.util
import io
import logging
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deltaclip.errors import EngineError
from deltaclip.model import DualEncoder, channel_moments, image_features, model_spec

__all__ = ["FRAMES_AT_ONCE", "INSTALL", "ImageGraph", "graph_of", "is_installed", "quantised", "read_graph"]
__all__ += ["versions", "written"]

FRAMES_AT_ONCE = 48
"""Frames in one call: more are no faster, and take memory in proportion."""
REPORTING = "openvino_telemetry"
EXAMPLES = 2
PATCHES = ["deltaclip", "patches"]
"""Where a graph says how many patches a frame has."""
INSTALL = "Install it with: pip install 'deltaclip[cpu]'."
Graph = Any  # openvino.Model, which is there only with the extra


def is_installed() -> bool:
    """Whether OpenVINO can be imported. It is not imported to find out."""
    return importlib.util.find_spec("openvino") is not None


class ImageGraph:
    """A graph that is ready to run on this machine's CPU, with as many threads as torch has."""

    def __init__(self, graph: Graph, precision: torch.dtype) -> None:
        """precision: of what is not int8 already. Raises EngineError if OpenVINO cannot compile it."""
        hint = {torch.float32: "f32", torch.bfloat16: "bf16"}[precision]
        settings = {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
        }
        openvino = _openvino()
        self.version = _version(openvino)
        with _errors("compile"):
            core = openvino.Core()
            if precision == torch.bfloat16 and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
                # It would take float32 without a word.
                raise EngineError("OpenVINO", "it cannot multiply bf16 on this processor", "Choose the precision fp32.")
            self._request = core.compile_model(graph, "CPU", settings).create_infer_request()
        self._patches = _num_patches(graph)
        self._turn = threading.Lock()

    def features(self, frames: NDArray[np.uint8], kept: Tensor | None = None) -> Tensor:
        """Frames (N, C, S, S), as `Engine.video_vectors` takes them, to features (N, D) float32.

        kept: (N, K) int64, the patches that enter the layers; None for all of them.
        """
        places = _all_patches(len(frames), self._patches) if kept is None else kept.numpy()
        parts = []
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            part = slice(start, start + FRAMES_AT_ONCE)
            some = [np.ascontiguousarray(each[part]) for each in (frames, places)]
            with self._turn, _errors("run"):
                [output] = self._request.infer(some).values()
                parts.append(np.array(output, np.float32))  # copied: the request writes there again
        return torch.from_numpy(np.concatenate(parts))


class FrameFeatures(torch.nn.Module):
    """From the bytes of frames to their features, as one module that can be traced."""

    def __init__(self, model: DualEncoder) -> None:
        super().__init__()
        self._model = model
        channels = model.vision_model.embeddings.patch_embedding.weight.shape[1]
        self._mean, self._std = channel_moments(channels)

    def forward(self, frames: Tensor, kept: Tensor) -> Tensor:
        """(N, C, S, S) uint8 and (N, K) int64, the patches that enter the layers, to (N, D) float32."""
        return image_features(self._model, (frames.to(torch.float32) / 255 - self._mean) / self._std, kept)


def graph_of(model: DualEncoder) -> Graph:
    """The image encoder of a model as a graph in float32, which shares its weights.

    It takes any number of frames, and of each any number of patches, the same for all.

    Raises EngineError if OpenVINO is not installed or knows no equivalent of a part of it.
    """
    openvino = _openvino()
    sizes, channels = model_spec(model), model.vision_model.embeddings.patch_embedding.weight.shape[1]
    side, patches = sizes.image_size, (sizes.image_size // sizes.patch_size) ** 2
    frames = torch.zeros(EXAMPLES, channels, side, side, dtype=torch.uint8)
    example = (frames, torch.from_numpy(_all_patches(EXAMPLES, patches)))
    shapes = [openvino.PartialShape([-1, channels, side, side]), openvino.PartialShape([-1, -1])]
    with _errors("convert"), _quiet(), torch.inference_mode():
        graph = openvino.convert_model(FrameFeatures(model).eval(), example_input=example, input=shapes)
        graph.set_rt_info(patches, PATCHES)
        return graph


def quantised(graph: Graph, frames: NDArray[np.uint8]) -> Graph:
    """The graph with products in int8, whose ranges are those that these frames (N, C, S, S) have inside it.

    Raises EngineError if NNCF is not installed or cannot do it.
    """
    if importlib.util.find_spec("nncf") is None:
        raise EngineError("int8", "a calibration needs NNCF, which is not installed", INSTALL)
    with _errors("quantise"), _quiet():
        nncf = importlib.import_module("nncf")
        places = _all_patches(1, _num_patches(graph))
        data = nncf.Dataset([(frames[number : number + 1], places) for number in range(len(frames))])
        kind = nncf.ModelType.TRANSFORMER
        return nncf.quantize(graph, data, model_type=kind, subset_size=len(frames))


def _num_patches(graph: Graph) -> int:
    return int(graph.get_rt_info(PATCHES).astype(int))


def _all_patches(frames: int, patches: int) -> NDArray[np.int64]:
    """All patches of so many frames, (frames, patches)."""
    return np.tile(np.arange(patches), (frames, 1))


def versions() -> dict[str, str]:
    """Of the programs that make int8."""
    return {"openvino": _version(_openvino()), "nncf": _version(importlib.import_module("nncf"))}


def written(graph: Graph) -> tuple[bytes, bytes]:
    """A graph as `read_graph` takes it: its description and its weights."""
    with tempfile.TemporaryDirectory() as folder, _errors("save"):
        path = Path(folder) / "graph.xml"
        _openvino().save_model(graph, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def read_graph(description: bytes, weights: bytes) -> Graph:
    """The graph that was `written`. Raises EngineError if this OpenVINO cannot read it."""
    with _errors("read"):
        return _openvino().Core().read_model(description, weights)


def _openvino() -> ModuleType:
    """OpenVINO, which reports to nobody. Raises EngineError if it is not installed."""
    if not is_installed():
        raise EngineError("OpenVINO", "it is not installed", INSTALL)
    if REPORTING not in sys.modules:
        sys.modules[REPORTING] = None  # type: ignore[assignment]  # Python's own way to refuse an import
    with _errors("import"):
        return importlib.import_module("openvino")


def _version(module: ModuleType) -> str:
    return str(module.__version__).partition("-")[0]


@contextlib.contextmanager
def _errors(step: str) -> Iterator[None]:
    """Raises what OpenVINO raises, which is a RuntimeError mostly, as EngineError."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[-300:]
        remedy = "Choose the engine torch, or install a different version of OpenVINO."
        found = f"it cannot {step} this encoder ({type(error).__name__}: {said})"
        raise EngineError("OpenVINO", found, remedy) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what tracing and NNCF say on stdout, as warnings and in logs."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _silenced("nncf", "transformers"):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _silenced(*loggers: str) -> Iterator[None]:
    found = [logging.getLogger(name) for name in loggers]
    levels = [logger.level for logger in found]
    for logger in found:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(found, levels, strict=True):
            logger.setLevel(level)
