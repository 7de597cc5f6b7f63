"""A server that wants a token, seen from the page."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.serve.browser.conftest import Serve, Shown, expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Open = Callable[..., Page]


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One that allows to read, in a file that only this test's server sees."""
    monkeypatch.setenv("DELTACLIP_TOKENS", str(tmp_path / "tokens.json"))
    made = subprocess.run(
        [sys.executable, "-m", "deltaclip", "token", "new", "phone"], capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


def test_a_right_token_opens_the_page_and_signing_out_closes_it(
    shown: Shown, serve: Serve, open_page: "Open", token: str
) -> None:
    page = open_page(serve([shown.with_masks], "--allow-host", "videos.example"))
    page.get_by_label("Token").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_function("() => document.querySelector('.wrong').textContent.length > 10")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".ideas a")
    page.locator(".views a[data-view=library]").click()
    page.wait_for_selector(".listing li")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)  # the token only reads
    assert str(shown.folder) not in page.locator("main").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
