"""What this installation has and lacks. Downloads nothing and changes nothing.

Whatever may crash or hang when it is imported runs in a child process, so that the report is made in any case.
"""

import base64
import hashlib
import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from packaging.requirements import Requirement

import deltaclip
from deltaclip.errors import DeltaclipError
from deltaclip.folders import default_cache_path
from deltaclip.library import default_library_path
from deltaclip.processes import Guard, once, usable_cores

__all__ = ["Diagnosis", "examine"]

Found = TypeVar("Found")

IMPORT_SECONDS = 300.0
"""How long an import may take: a cold disk needs a minute for torch."""
MODULES = {"faiss-cpu": "faiss", "opencv-python-headless": "cv2", "pi-heif": "pi_heif", "pillow": "PIL"}
"""Packages whose module has a different name."""
EXTRAS = {
    "cpu": "OpenVINO encodes videos faster on a CPU, and int8 runs in it",
    "train": "training runs are drawn by TensorBoard",
}
"""Extras for users, and what each is for."""
CODECS = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "av1": ("libdav1d", "libaom-av1", "libgav1"),  # FFmpeg's own "av1" decodes on some GPUs only
    "vp9": ("vp9", "libvpx-vp9"),
    "vp8": ("vp8", "libvpx"),
    "mpeg4": ("mpeg4",),
    "mpeg2video": ("mpeg2video",),
    "mjpeg": ("mjpeg",),
    "prores": ("prores",),
    "vvc": ("vvc",),
}
"""Codecs of most videos, and the decoders that read each."""
NEEDED_CODECS = ("h264", "hevc", "av1", "vp9")
LITTLE_ROOM_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found; the fields are the keys of `deltaclip doctor --json`.

    problems: what is broken and needed, a sentence or two each; none if all is well. notes: what is lacking and can be
    done without. Everything else is JSON objects for people and programs.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    deltaclip: Mapping[str, Any]
    python: Mapping[str, Any]
    machine: Mapping[str, Any]
    packages: Sequence[Mapping[str, Any]]
    extras: Mapping[str, Mapping[str, Any]]
    devices: Mapping[str, Any] | None
    runs: Mapping[str, Any] | None
    codecs: Mapping[str, bool] | None
    encoders: Sequence[Mapping[str, Any]]
    library: Mapping[str, Any]
    cache: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether nothing that is needed is broken."""
        return not self.problems


def examine() -> Diagnosis:
    """Looks at everything; a few seconds, most of them for importing torch and transformers."""
    return _Examination().diagnosis()


class _Examination:
    """One look at everything, which gathers problems and notes on its way."""

    def __init__(self) -> None:
        self._problems: list[str] = []
        self._notes: list[str] = []

    def diagnosis(self) -> Diagnosis:
        required, optional = _requirements()
        if not required:
            self._notes.append("deltaclip was not installed by pip: which packages it needs is not known.")
        guard: Guard[Any]  # whatever the functions give
        with Guard(once, stall_seconds=IMPORT_SECONDS, bounds_memory=False) as guard:
            packages = [self._package(guard, each) for each in required]
            devices = self._told(guard, "torch", _devices)
            codecs = self._told(guard, "PyAV", _codecs)
            encoders = [self._encoder(guard, name) for name in ("shapes", "motion")]
            default = self._told(guard, "the default encoder", _default_encoder)
        lacking = [codec for codec in NEEDED_CODECS if codecs is not None and not codecs[codec]]
        if lacking:
            self._problems.append(
                f"PyAV has no decoder for {', '.join(lacking)}. Run: pip install --force-reinstall av."
            )
        if devices is not None and devices["nvidia_driver"] and not devices["cuda"]:
            why = "it is a build without CUDA" if devices["torch_cuda"] is None else "CUDA does not start"
            self._notes.append(f"There is an NVIDIA driver, and torch finds no GPU: {why}.")
        if default is not None:
            encoders.append(default)
            if not default["present"]:
                self._notes.append(
                    f"{default['name']}, the default encoder, is not in the hub's cache: the first `deltaclip index` "
                    "without --encoder downloads it."
                )
        runs = next((each["runs"] for each in encoders if each.get("runs")), None)
        return Diagnosis(
            deltaclip={"version": deltaclip.__version__, "folder": str(Path(deltaclip.__file__).parent)},
            python={"version": platform.python_version(), "executable": sys.executable},
            machine=_machine(),
            packages=packages,
            extras={name: self._extra(name, optional.get(name, [])) for name in EXTRAS},
            devices=devices,
            runs=runs,
            codecs=codecs,
            encoders=encoders,
            library=self._folder("library", default_library_path(), "DELTACLIP_LIBRARY, or give --library"),
            cache=self._folder("cache", default_cache_path(), "DELTACLIP_CACHE"),
            problems=tuple(self._problems),
            notes=tuple(self._notes),
        )

    def _told(self, guard: Guard[Any], name: str, look: Callable[..., Found], *args: object) -> Found | None:
        """What `look` gives in the child; None, and a problem, if it fails there."""
        try:
            [found] = guard.stream(name, look, *args)
        except DeltaclipError as error:
            self._problems.append(f"{name}: {error.found}.")
            return None
        return found  # type: ignore[no-any-return]  # as `look` gave it

    def _package(self, guard: Guard[Any], required: Requirement) -> Mapping[str, Any]:
        row = _package_row(required)
        if row["version"] is None:
            self._problems.append(
                f"{required.name} is not installed. Run: pip install '{required.name}{row['wanted']}'."
            )
        elif not row["fits"]:
            self._problems.append(
                f"{required.name} is {row['version']}, and deltaclip needs {row['wanted']}. Run: "
                f"pip install '{required.name}{row['wanted']}'."
            )
        else:
            module = MODULES.get(required.name, required.name)
            row["imports"] = self._told(guard, f"{required.name} {row['version']}", _import, module) is not None
        return row

    def _extra(self, name: str, packages: Sequence[Requirement]) -> Mapping[str, Any]:
        rows = [_package_row(each) for each in packages]
        is_there = bool(rows) and all(row["fits"] for row in rows)
        install = f"pip install 'deltaclip[{name}]'"
        if not is_there:
            self._notes.append(f"The extra {name} is not installed: {EXTRAS[name]}. For it: {install}.")
        return {"installed": is_there, "for": EXTRAS[name], "packages": rows, "install": install}

    def _encoder(self, guard: Guard[Any], name: str) -> Mapping[str, Any]:
        """A bundled encoder: loaded, and compared byte by byte with what pip installed."""
        facts = self._told(guard, f"the bundled encoder {name}", _load_bundled, name)
        changed = _changed_files(f"deltaclip/checkpoints/{name}/")
        if changed:
            self._problems.append(
                f"The bundled encoder {name} is not what was installed ({', '.join(changed)}). Install deltaclip again."
            )
        whole = None if changed is None else not changed
        return {"name": name, "bundled": True, "present": facts is not None, "whole": whole, **(facts or {})}

    def _folder(self, what: str, folder: Path, variable: str) -> Mapping[str, Any]:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        can_write = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        free = shutil.disk_usage(there).free
        if not can_write:
            self._problems.append(f"The {what} cannot be written: {there} is read-only to you. Set {variable}.")
        elif free < LITTLE_ROOM_BYTES:
            self._notes.append(f"The disk of the {what} has {free // 2**20} MB left ({there}).")
        return {"folder": str(folder), "exists": folder.exists(), "can_be_written": can_write, "free_bytes": free}


def _requirements() -> tuple[list[Requirement], dict[str, list[Requirement]]]:
    """What pip says that deltaclip needs here, and what each extra adds; nothing if pip did not install it."""
    try:
        listed = [Requirement(words) for words in metadata.requires("deltaclip") or ()]
    except metadata.PackageNotFoundError:
        return [], {}
    plain = [each for each in listed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return plain, {
        name: [each for each in listed if each not in plain and each.marker and each.marker.evaluate({"extra": name})]
        for name in EXTRAS
    }


def _package_row(required: Requirement) -> dict[str, Any]:
    try:
        version = metadata.version(required.name)
    except metadata.PackageNotFoundError:
        version = None
    fits = version is not None and required.specifier.contains(version, prereleases=True)
    return {"name": required.name, "wanted": str(required.specifier), "version": version, "fits": fits}


def _changed_files(prefix: str) -> list[str] | None:
    """Which files of the package are missing or have different bytes than pip installed; None if pip did not say."""
    try:
        files = metadata.files("deltaclip") or []
    except metadata.PackageNotFoundError:
        return None
    listed = [file for file in files if str(file).startswith(prefix) and file.hash is not None]
    return [file.name for file in listed if not _is_as_installed(file)] if listed else None


def _is_as_installed(file: metadata.PackagePath) -> bool:
    assert file.hash is not None, "only those that have one are asked"
    try:
        digest = hashlib.new(file.hash.mode, file.read_binary()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value


def _machine() -> Mapping[str, Any]:
    cores = usable_cores()
    has_memory = hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if has_memory else None
    return {"system": platform.platform(), "cores": cores, "memory_bytes": memory}


# What follows runs in the child.


def _import(module: str) -> str:
    importlib.import_module(module)
    return module


def _devices() -> Mapping[str, Any]:
    from deltaclip.encoder import device_facts

    return {**device_facts(), "nvidia_driver": Path("/proc/driver/nvidia/version").exists()}


def _codecs() -> Mapping[str, bool]:
    import av

    return {codec: any(decoder in av.codecs_available for decoder in decoders) for codec, decoders in CODECS.items()}


def _load_bundled(name: str) -> Mapping[str, Any]:
    from deltaclip.encoder import BUNDLED_MOTION, Encoder, MotionEncoder

    if name == BUNDLED_MOTION:
        return {"fingerprint": MotionEncoder.load(name).fingerprint}
    encoder = Encoder.load(name)
    facts = encoder.engine.facts
    told = ("engine", "engine_reason", "device", "device_reason", "precision", "precision_reason")
    return {"fingerprint": encoder.fingerprint, "runs": {key: facts[key] for key in told if key in facts}}


def _default_encoder() -> Mapping[str, Any]:
    from deltaclip.encoder import DEFAULT_ENCODER
    from deltaclip.model import is_cached

    return {"name": DEFAULT_ENCODER, "bundled": False, "present": is_cached(DEFAULT_ENCODER)}
