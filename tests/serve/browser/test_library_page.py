"""What is in a library, what failed, jobs, the first run, and two libraries side by side."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deltaclip import Encoder, Library
from tests.serve.browser.conftest import Serve, Shown, expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Open = Callable[..., Page]


def test_a_library_tells_its_folders_counts_encoder_and_what_failed(
    address: str, shown: Shown, open_page: "Open"
) -> None:
    page = open_page(f"{address}/library")
    page.wait_for_selector(".numbers")
    expect(page.locator(".numbers")).to_contain_text("videos\n14", use_inner_text=True)
    expect(page.locator(".rows").last).to_contain_text(str(shown.videos), use_inner_text=True)
    expect(page.locator(".facts")).to_contain_text("shapes", use_inner_text=True)
    failed = page.locator(".listing li")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("broken.mp4", use_inner_text=True)
    expect(failed).to_contain_text("FFmpeg", use_inner_text=True)


def test_a_file_that_was_repaired_is_read_when_it_is_retried(
    shown: Shown, serve: Serve, open_page: "Open", tmp_path: Path
) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(shown.videos / "shapes_0000.mp4", videos / "good.mp4")
    (videos / "bad.mp4").write_bytes(b"no video" * 500)
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([videos])
    page = open_page(serve([tmp_path / "library"], "--root", str(tmp_path)) + "/library")
    page.wait_for_selector(".listing li")
    shutil.copy(shown.videos / "shapes_0004.mp4", videos / "bad.mp4")
    page.get_by_role("button", name="Retry bad.mp4").click()
    page.wait_for_selector(".job[data-state=done]", timeout=60_000)
    page.wait_for_selector(".listing", state="hidden")
    expect(page.locator(".numbers")).to_contain_text("videos\n2", use_inner_text=True)


def test_videos_whose_files_are_gone_are_listed(shown: Shown, serve: Serve, open_page: "Open", tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("kept.mp4", "gone <b>.mp4"):
        shutil.copy(shown.videos / "shapes_0000.mp4", videos / name)
    with Library.open(tmp_path / "library", Encoder.load("shapes"), create=True) as library:
        library.index([videos])
        (videos / "gone <b>.mp4").unlink()
        library.index([videos])
    page = open_page(serve([tmp_path / "library"]) + "/library")
    page.wait_for_selector(".listing li")
    expect(page.locator(".listing:not([hidden]) h2")).to_have_text(["Missing"], use_inner_text=True)
    expect(page.locator(".listing li strong")).to_have_text(["gone <b>.mp4"], use_inner_text=True)


def test_a_folder_is_chosen_and_indexed_below_the_roots(
    shown: Shown, serve: Serve, open_page: "Open", tmp_path: Path
) -> None:
    videos = tmp_path / "holiday"
    videos.mkdir()
    for number in range(3):
        shutil.copy(shown.videos / f"shapes_000{number}.mp4", videos)
    page = open_page(serve([tmp_path / "library"], "--root", str(tmp_path), "--encoder", "shapes"))
    page.get_by_role("button", name="Add a folder").click()
    page.get_by_role("button", name=tmp_path.name).click()
    page.get_by_role("button", name="holiday").click()
    page.wait_for_function("() => document.querySelector('dialog .path').textContent.endsWith('holiday')")
    page.get_by_role("button", name="Index this folder").click()
    page.wait_for_selector(".hello .ideas", timeout=60_000)
    expect(page.locator(".hello")).to_contain_text("3 videos", use_inner_text=True)


def test_the_first_run_says_what_to_do_and_offers_the_drawn_clips(
    serve: Serve, open_page: "Open", tmp_path: Path
) -> None:
    page = open_page(serve([tmp_path / "nothing yet"], cache=tmp_path / "cache"))
    page.wait_for_selector(".first")
    expect(page.locator(".first")).to_contain_text("deltaclip index", use_inner_text=True)
    expect(page.get_by_role("button", name="Add a folder")).to_have_count(0)
    page.get_by_role("button", name="Try it on drawn clips").click()
    page.wait_for_selector(".job")
    page.wait_for_selector(".ideas a", timeout=60_000)
    expect(page).to_have_url(re.compile("library=demo"))
    page.locator(".ideas a").first.click()
    page.wait_for_selector(".grid .card")


def test_two_libraries_answer_one_question_side_by_side(address: str, shown: Shown, open_page: "Open") -> None:
    page = open_page(f"{address}/compare")
    page.wait_for_selector(".side")
    page.locator("#box").fill(shown.question)
    page.locator("#box").press("Enter")
    page.wait_for_selector(".side .card")
    expect(page.locator(".side h2")).to_have_text(["A\nwith masks", "B\nwithout masks"], use_inner_text=True)
    expect(page.locator(".side header").nth(1)).to_contain_text("masks full", use_inner_text=True)
    expect(page.locator(".side").first.locator(".twin").filter(has_text="in B")).not_to_have_count(0)
    page.locator(".side").nth(1).locator("a.card-link").first.click()
    page.wait_for_selector(".stage")
    expect(page).to_have_url(re.compile(r"library=without\+masks"))


def test_one_library_alone_says_how_to_serve_two(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/static/mark.svg")
    libraries = page.request.get(f"{address}/v1/libraries").json()["libraries"]
    page.route("**/v1/libraries", lambda route: route.fulfill(json={"libraries": libraries[:1]}))
    page.goto(f"{address}/compare")
    page.wait_for_selector(".blank")
    expect(page.locator(".blank")).to_contain_text("deltaclip serve --library", use_inner_text=True)


def test_what_the_server_does_not_allow_is_told_in_its_words(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/library?library=unknown")
    page.wait_for_selector(".blank[role=alert]")
    expect(page.locator(".blank")).to_contain_text("No library is named 'unknown'", use_inner_text=True)
