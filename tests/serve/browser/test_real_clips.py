"""The page over clips that people made, some in forms that no browser plays."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deltaclip import Encoder, Library
from tests.serve.browser.conftest import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Open = Callable[..., Page]

pytestmark = pytest.mark.real
NAMES = (
    "car_turn.mp4",
    "toy_frog.webm",
    "space_needle.avi",
    "newtonscradle.gif",
    "bear.mp4",
    "chaplin.mov",
    "hmdb51_RATRACE_wave.avi",
)


@pytest.fixture(scope="module")
def over_real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over a few of them."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "videos").mkdir()
    for name in NAMES:
        shutil.copy(real_data / "captioned" / name, folder / "videos")
    with Library.open(folder / "library", Encoder.load("shapes"), create=True) as library:
        library.index([folder / "videos"])
    with serving([folder / "library"]) as address:
        yield address


def test_every_kind_of_file_plays_on_its_card(over_real: str, open_page: "Open") -> None:
    page = open_page(f"{over_real}/?q=it+turns+left&rest=1")
    page.wait_for_selector(".grid .card")
    for name in NAMES:
        page.locator(".grid .card", has_text=name).hover()
        page.wait_for_function(
            "name => { const film = document.querySelector('.still video');"
            " return film && film.closest('.card').textContent.includes(name) && film.currentTime > 0.2; }",
            arg=name,
        )


@pytest.mark.parametrize("name", ["car_turn.mp4", "hmdb51_RATRACE_wave.avi"])
def test_a_video_plays_with_what_moves_whether_browsers_know_its_form_or_not(
    over_real: str, open_page: "Open", name: str
) -> None:
    page = open_page(f"{over_real}/?q=it+turns+left&rest=1")
    page.locator(".grid .card", has_text=name).locator("a").first.click()
    page.wait_for_function("() => document.querySelector('.stage video')?.currentTime > 0.5")
    page.wait_for_function("() => document.querySelector('.stage-note').hidden")
