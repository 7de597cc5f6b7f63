"""Files damaged at every place: no hang, no crash of the parent, memory within its limit, each file counted once."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.hostile.mutants import write_mutants
from tests.hostile.reading import LIMIT_MB, STALL_SECONDS, Outcome, index_all
from tests.video.clips import numbered, write_numbered

CODECS = {"mp4": "libx264", "mkv": "libx265", "webm": "libvpx-vp9", "avi": "mpeg4", "ts": "mpeg2video", "mov": "mjpeg"}


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTACLIP_MEMORY_LIMIT", str(LIMIT_MB))
    monkeypatch.setenv("DELTACLIP_STALL_LIMIT", STALL_SECONDS)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small file of each common container and codec, and three still pictures."""
    folder = tmp_path_factory.mktemp("sound")
    files = [
        write_numbered(
            folder / f"clip.{suffix}", range(30), codec=codec, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p"
        )
        for suffix, codec in CODECS.items()
    ]
    for suffix in ("gif", "png", "jpg", "tif", "webp"):
        file = io.BytesIO()
        Image.fromarray(numbered(5)).save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix))
        (folder / f"still.{suffix}").write_bytes(file.getvalue())
        files.append(folder / f"still.{suffix}")
    return files


def assert_harmless(outcome: Outcome) -> None:
    assert (outcome.given_up, outcome.died, outcome.heavy, outcome.unforeseen) == ([], [], [], []), str(outcome)


def test_mutants_of_common_files_harm_nobody(sound: list[Path], tmp_path: Path) -> None:
    outcome = index_all([*sound, *write_mutants(sound, tmp_path, 60)], tmp_path / "library")
    assert {path.name for path in sound} & {failure.path.name for failure in outcome.failures} == set()
    assert_harmless(outcome)


@pytest.mark.real
def test_mutants_of_odd_files_harm_nobody(real_data: Path, tmp_path: Path) -> None:
    outcome = index_all(write_mutants(odd_files(real_data), tmp_path, 100), tmp_path / "library")
    assert outcome.seen == 100
    assert_harmless(outcome)


@pytest.mark.slow
@pytest.mark.real
def test_all_mutants_of_odd_and_common_files_harm_nobody(
    real_data: Path, sound: list[Path], tmp_path: Path, tell: Callable[[object], None]
) -> None:
    outcome = index_all(write_mutants([*odd_files(real_data), *sound], tmp_path), tmp_path / "library")
    tell(outcome)
    for failure in [*outcome.given_up, *outcome.died, *outcome.heavy, *outcome.unforeseen]:
        tell(f"{failure.path.name}: {failure.reason}")
    assert outcome.seen >= 2000
    assert outcome.heavy == []
    assert outcome.unforeseen == []
    # What crashes or stops a decoder for good costs itself, and is counted above; it must stay rare.
    assert len(outcome.given_up) + len(outcome.died) <= outcome.seen // 200


def odd_files(real_data: Path) -> list[Path]:
    return sorted(
        path for path in (real_data / "robustness").iterdir() if path.name not in ("manifest.json", "README.md")
    )
