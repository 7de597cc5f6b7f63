"""All views, wide and narrow, dark and light: accessible by the rules of axe-core, and nothing beside the screen."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.serve.browser.conftest import NARROW, WIDE, Shown

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    Open = Callable[..., Page]

ROOT = Path(__file__).parents[3]
VIEWS = {
    "start": ("/", ".strip .still.there"),
    "search": ("/?q={question}&longer=1s", ".grid .still.there"),
    "nothing": ("/?q=quantum+sausage&by=appearance&longer=soon", ".blank a.button"),
    "video": ("/video/{video}?t=1&q={question}", ".like .still.there"),
    "library": ("/library", ".listing li"),
    "compare": ("/compare?q={question}", ".side .still.there"),
    "lost": ("/video/99999", ".blank[role=alert]"),
}
NOBODY = {"needs_token": True, "scopes": []}
LOOKS = [(scheme, size) for scheme in ("light", "dark") for size in ("wide", "narrow")]


def _answering(told: object) -> "Callable[[Route], None]":
    return lambda route: route.fulfill(json=told)


@pytest.fixture(scope="package")
def axe() -> str:
    """The source of axe-core, which the page itself does not have."""
    file = Path(os.environ.get("DELTACLIP_AXE", ROOT / "node_modules/axe-core/axe.min.js"))
    if not file.is_file():
        pytest.skip(f"no axe-core at {file}: fetch it with npm install axe-core, or set DELTACLIP_AXE")
    return file.read_text(encoding="utf-8")


@pytest.fixture(params=LOOKS, ids=[" ".join(look) for look in LOOKS])
def views(
    request: pytest.FixtureRequest, address: str, shown: Shown, open_page: "Open"
) -> "Iterator[tuple[str, Page]]":
    """Every view in turn in one look, and its picture where one is wanted."""
    scheme, size = request.param
    page = open_page(
        f"{address}/static/mark.svg",
        color_scheme=scheme,
        viewport=WIDE if size == "wide" else NARROW,
        reduced_motion="reduce",
    )
    told = page.request.get(f"{address}/v1/videos?limit=100").json()
    video = next(each["video_id"] for each in told["videos"] if each["name"] == "long.mp4")

    def each() -> "Iterator[tuple[str, Page]]":
        for name, (path, there) in VIEWS.items():
            page.goto(address + path.format(question=quote(shown.question), video=video))
            page.wait_for_selector(there)
            page.wait_for_timeout(250)  # pictures fade in
            if "DELTACLIP_SCREENSHOTS" in os.environ:
                folder = Path(os.environ["DELTACLIP_SCREENSHOTS"])
                folder.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=folder / f"{name}-{scheme}-{size}.png")
            yield name, page

    return each()


def test_every_view_is_accessible_and_nothing_is_beside_the_screen(
    views: "Iterator[tuple[str, Page]]", axe: str
) -> None:
    for name, page in views:
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [
            (each["id"], [node["html"][:120] for node in each["nodes"][:3]], each["nodes"][0]["failureSummary"])
            for each in found["violations"]
        ]
        assert told == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth"), name


def test_dialogs_are_accessible(address: str, open_page: "Open", axe: str) -> None:
    page = open_page(f"{address}/library")
    page.get_by_role("button", name="Add a folder").click()
    page.wait_for_selector("dialog .folders button")
    page.evaluate(axe)
    assert page.evaluate("axe.run('dialog').then(found => found.violations.map(each => each.id))") == []


def test_the_first_run_and_signing_in_are_accessible(address: str, open_page: "Open", axe: str) -> None:
    page = open_page(f"{address}/static/mark.svg", viewport=NARROW)
    empty = {**page.request.get(f"{address}/v1/library").json(), "created": False}
    page.route("**/v1/library", lambda route: route.fulfill(json=empty))
    for session, there in (({"needs_token": False, "scopes": ["read", "index"]}, ".first"), (NOBODY, "#token")):
        page.unroute("**/v1/session")
        page.route("**/v1/session", _answering(session))
        page.goto(address)
        page.wait_for_selector(there)
        page.evaluate(axe)
        assert page.evaluate("axe.run().then(found => found.violations.map(each => each.id))") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_pictures_and_words_keep_their_places_while_they_load(address: str, shown: Shown, open_page: "Open") -> None:
    page = open_page(f"{address}/static/mark.svg")
    page.add_init_script(
        "window.jumps = 0; new PerformanceObserver(list => list.getEntries().forEach(each => {"
        "if (!each.hadRecentInput) window.jumps += each.value; })).observe({type: 'layout-shift', buffered: true});"
    )
    for path in (f"/?q={quote(shown.question)}", "/library", "/"):
        page.goto(address + path)
        page.wait_for_selector(".still.there, .numbers")
        page.wait_for_timeout(500)
        assert page.evaluate("window.jumps") < 0.1, path  # what Web Vitals call good
