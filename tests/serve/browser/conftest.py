"""A browser, and servers in processes of their own over drawn clips.

DELTACLIP_SCREENSHOTS: a folder for pictures of all views. DELTACLIP_AXE: the file axe.min.js of npm's axe-core.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deltaclip import Encoder, Library
from deltaclip.shapes import ShapesSpec, draw_demo, make_world, write_world

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
HOSTILE_NAME = "<img src=x onerror=alert(1)> & co.mp4"
FLAGS = ("--headless=new", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run")  # fmt: skip
Serve = Callable[..., str]
PATIENCE_MS = 15_000


@dataclass(frozen=True)
class Shown:
    """Libraries of the same drawn clips with two masks; one file among them is broken."""

    folder: Path
    videos: Path
    with_masks: Path
    without_masks: Path
    broken: Path
    question: str


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium or another one; ends with this package, since its loop must not run in other tests."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium: install it, on Debian with apt install chromium")
    flags = [*FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


def expect(of: "Page | Locator") -> Any:
    """Playwright's assertions, which wait until they hold: a page fills itself in as its answers arrive."""
    from playwright.sync_api import expect  # may be absent, and then no test comes here

    expect.set_options(timeout=PATIENCE_MS)
    return expect(of)


@contextmanager
def serving(libraries: Sequence[Path], *options: str, cache: Path | None = None) -> Iterator[str]:
    """The address of a server over these libraries, until the block ends."""
    given = [part for library in libraries for part in ("--library", str(library))]
    environment = os.environ if cache is None else {**os.environ, "DELTACLIP_CACHE": str(cache)}
    command = [sys.executable, "-m", "deltaclip", "serve", "--port", "0", *given, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip().rstrip("/")
            assert address.startswith("http://127.0.0.1:"), "the server did not start"
            yield address
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that live as long as the test: see `serving`."""
    with ExitStack() as stack:
        yield lambda *given, **options: stack.enter_context(serving(*given, **options))


@pytest.fixture(scope="package")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The clips of the demo, one of 46 s, one with HTML for a name, and one that is no video."""
    folder = tmp_path_factory.mktemp("shown")
    videos, broken = folder / "videos", folder / "videos" / "broken.mp4"
    questions = draw_demo(videos)
    (long,) = make_world(5, 1, ShapesSpec(scenes=23, camera="pan"))
    write_world(folder / "long", [long])[0].rename(videos / "long.mp4")
    (videos / HOSTILE_NAME).write_bytes((videos / "shapes_0005.mp4").read_bytes() + b"\0")
    broken.write_bytes(b"no video" * 500)
    encoder, plain = Encoder.load("shapes"), Encoder.load("shapes", motion="full")
    for name, made_by in (("with masks", encoder), ("without masks", plain)):
        with Library.open(folder / name, made_by, create=True) as library:
            library.index([videos])
    return Shown(folder, videos, folder / "with masks", folder / "without masks", broken, questions[0])


@pytest.fixture(scope="package")
def address(shown: Shown) -> Iterator[str]:
    """Of a server over both libraries, which may index below their folder."""
    with serving([shown.with_masks, shown.without_masks], "--root", str(shown.folder)) as address:
        yield address


@pytest.fixture
def open_page(browser: "Browser") -> "Iterator[Callable[..., Page]]":
    """Opens pages; in the end no script may have failed, and nothing may have been asked of another host."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def opened(url: str, **settings: object) -> "Page":
        context = browser.new_context(**{"viewport": WIDE, **settings})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"script: {error.stack}"))
        page.on("console", lambda told: wrong.append(told.text) if _is_fault(told.type, told.text) else None)
        host = "/".join(url.split("/")[:3])
        page.on("request", lambda asked: None if _is_ours(asked.url, host) else wrong.append(f"asked {asked.url}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def _is_fault(kind: str, text: str) -> bool:
    """Whether a line of the console tells a fault; the browser itself notes every answer that is a problem."""
    return kind in ("error", "warning") and not text.startswith("Failed to load resource")


def _is_ours(url: str, host: str) -> bool:
    return url.startswith((host + "/", "blob:", "data:"))
