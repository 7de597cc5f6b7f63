"""The library on real files: ordinary ones and odd ones."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deltaclip.encoder import BUNDLED, Encoder
from deltaclip.library import IndexProgress, IndexReport, Library
from tests.library.fakes import FakeEncoder

pytestmark = pytest.mark.real
CHECKPOINT = Path(__file__).parents[2] / "src" / "deltaclip" / BUNDLED["shapes"]


@pytest.fixture(scope="module")
def captioned(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Library, IndexReport]]:
    """All captioned clips in a library of the bundled encoder."""
    if not CHECKPOINT.is_dir():
        pytest.skip(f"no bundled checkpoint at {CHECKPOINT}: make it with `deltaclip train shapes`")
    path = tmp_path_factory.mktemp("captioned") / "library"
    with Library.open(path, Encoder.load("shapes"), create=True) as library:
        yield library, library.index([real_data / "captioned"])


def test_all_captioned_clips_are_indexed_and_none_fails(captioned: tuple[Library, IndexReport]) -> None:
    library, report = captioned
    assert report.failures == ()
    assert report.seen == report.indexed == library.status().videos >= 50
    assert library.verify().problems == ()


def test_a_clip_used_as_query_finds_itself_first(captioned: tuple[Library, IndexReport], real_data: Path) -> None:
    library, _ = captioned
    clips = sorted(path for path in (real_data / "captioned").iterdir() if path.suffix not in (".json", ".md"))[::6]
    hits = [library.search_video(clip, limit=1)[0] for clip in clips]
    assert [hit.path for hit in hits] == clips
    np.testing.assert_allclose([hit.score for hit in hits], 1, atol=1e-3)


def test_odd_files_end_as_their_manifest_expects_and_none_hangs(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "robustness"
    manifest = {folder / row["file"]: row["expect"] for row in json.loads((folder / "manifest.json").read_text())}
    moments = [time.monotonic()]

    def note_time(progress: IndexProgress) -> None:
        moments.append(time.monotonic())

    with Library.open(tmp_path / "library", FakeEncoder(), create=True) as library:
        report = library.index(manifest, on_progress=note_time)
        assert library.failures() == report.failures
        assert all(hit.start < hit.end for hit in library.search("a 0", limit=1000))
    failed = {failure.path for failure in report.failures}
    assert report.seen == len(manifest)
    assert {path for path, expect in manifest.items() if expect == "ok"} & failed == set()
    assert {path for path, expect in manifest.items() if expect == "error"} - failed == set()
    assert all(len(failure.reason) > 20 for failure in report.failures)
    assert np.diff(moments).max() < 10
