"""`deltaclip doctor`: what an installation has, and what of it is broken."""

import base64
import hashlib
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from deltaclip import doctor
from deltaclip.errors import VideoError
from tests.cli.calls import Call


class StandIn:
    """Looks at everything in this process; what fails there is an error of the child."""

    broken = ""

    def __init__(self, function: object, stall_seconds: float, *, bounds_memory: bool) -> None:
        pass

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def stream(self, name: str, look: Any, *args: object) -> Iterator[object]:
        if self.broken and name.startswith(self.broken):
            raise VideoError(name, "the process that read it died (signal SIGILL)", "")
        yield look(*args)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "Guard", StandIn)
    runs = {name: "some" for key in ("engine", "device", "precision") for name in (key, f"{key}_reason")}
    monkeypatch.setattr(doctor, "_load_bundled", lambda name: {"fingerprint": name, "runs": runs})


def problem_of(name: str) -> str:
    [problem] = [each for each in doctor.examine().problems if name in each]
    return problem


def test_this_installation_is_whole_and_says_what_runs(deltaclip: Call) -> None:
    code, found, _ = deltaclip("doctor", "--json")
    assert (code, found["ok"], found["problems"]) == (0, True, [])
    assert {"torch", "av", "numpy"} <= {row["name"] for row in found["packages"] if row["imports"]}
    assert found["runs"]["engine"] in ("torch", "openvino")
    assert found["runs"]["precision_reason"]
    assert found["codecs"]["h264"]
    assert [encoder["name"] for encoder in found["encoders"] if encoder["bundled"]] == ["shapes", "motion"]
    assert found["library"]["free_bytes"] > 0


@pytest.mark.usefixtures("stand_in")
def test_people_get_lines_and_what_is_lacking_as_notes(deltaclip: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_default_encoder", lambda: {"name": "an/encoder", "bundled": False, "present": False})
    code, out, err = deltaclip("doctor")
    assert (code, out.splitlines()[-1]) == (0, "ok")
    assert {"deltaclip", "python", "packages", "processor", "engine", "codecs", "library"} <= {
        line.split()[0] for line in out.splitlines()
    }
    assert "an/encoder, the default encoder, is not in the hub's cache" in err


@pytest.mark.usefixtures("stand_in")
def test_a_package_that_dies_when_it_is_imported_is_named(deltaclip: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "broken", "torch ")
    code, out, _ = deltaclip("doctor")
    assert (code, out.splitlines()[-1]) == (1, "1 problem")
    assert f"torch {metadata.version('torch')}: the process that read it died (signal SIGILL)." in out


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("no-such-package>=1", "no-such-package is not installed. Run: pip install 'no-such-package>=1'."),
        ("numpy>=99", f"numpy is {metadata.version('numpy')}, and deltaclip needs >=99. Run: pip install 'numpy>=99'."),
    ],
)
def test_a_package_that_is_missing_or_old_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, words: str, problem: str
) -> None:
    monkeypatch.setattr(doctor, "_requirements", lambda: ([Requirement(words)], {}))
    assert problem_of(Requirement(words).name) == problem


@pytest.mark.usefixtures("stand_in")
def test_a_codec_without_a_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CODECS", {**doctor.CODECS, "hevc": ("no_such_decoder",)})
    assert problem_of("hevc").startswith("PyAV has no decoder for hevc.")


@pytest.mark.usefixtures("stand_in")
def test_extras_are_found_if_all_of_their_packages_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"cpu": [Requirement("numpy>=1")], "train": [Requirement("numpy>=1"), Requirement("no-such-package")]}
    monkeypatch.setattr(doctor, "_requirements", lambda: ([], both))
    found = doctor.examine()
    assert [found.extras[name]["installed"] for name in ("cpu", "train")] == [True, False]
    assert any("pip install 'deltaclip[train]'" in note for note in found.notes)


@pytest.mark.usefixtures("stand_in")
def test_a_library_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DELTACLIP_LIBRARY", str(tmp_path / "file" / "library"))
    assert problem_of("library") == (
        f"The library cannot be written: {tmp_path / 'file'} is read-only to you. Set DELTACLIP_LIBRARY, or give "
        "--library."
    )
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_of_the_package_that_is_not_as_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def installed(name: str, content: bytes) -> metadata.PackagePath:
        path = metadata.PackagePath(f"deltaclip/checkpoints/shapes/{name}")
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        path.hash, path.size = metadata.FileHash(f"sha256={digest}"), len(content)
        path.dist = metadata.PathDistribution(tmp_path / "deltaclip.dist-info")
        return path

    folder = tmp_path / "deltaclip" / "checkpoints" / "shapes"
    folder.mkdir(parents=True)
    (folder / "whole.json").write_bytes(b"whole")
    (folder / "changed.json").write_bytes(b"changed")
    files = [installed(name, b"whole") for name in ("whole.json", "changed.json", "lost.json")]
    monkeypatch.setattr(metadata, "files", lambda _: files)
    assert doctor._changed_files("deltaclip/checkpoints/shapes/") == ["changed.json", "lost.json"]
    assert doctor._changed_files("deltaclip/checkpoints/motion/") is None
