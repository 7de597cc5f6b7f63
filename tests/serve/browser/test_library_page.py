"""What is in a library, what failed, jobs, the first run, and two libraries side by side."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deltaclip import Encoder, Library
from tests.serve.browser.conftest import Serve, Shown

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Open = Callable[..., Page]


def test_a_library_tells_its_folders_counts_encoder_and_what_failed(
    address: str, shown: Shown, open_page: "Open"
) -> None:
    page = open_page(f"{address}/library")
    page.wait_for_selector(".numbers")
    assert "videos\n14" in page.locator(".numbers").inner_text()
    assert str(shown.videos) in page.locator(".rows").last.inner_text()
    assert "shapes" in page.locator(".facts").inner_text()
    failed = page.locator(".listing li")
    assert failed.count() == 1
    assert "broken.mp4" in failed.inner_text()
    assert "FFmpeg" in failed.inner_text()


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
    assert "videos\n2" in page.locator(".numbers").inner_text()


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
    assert page.locator(".listing:not([hidden]) h2").all_inner_texts() == ["Missing"]
    assert page.locator(".listing li strong").all_inner_texts() == ["gone <b>.mp4"]


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
    assert "3 videos" in page.locator(".hello").inner_text()


def test_the_first_run_says_what_to_do_and_offers_the_drawn_clips(
    serve: Serve, open_page: "Open", tmp_path: Path
) -> None:
    page = open_page(serve([tmp_path / "nothing yet"], cache=tmp_path / "cache"))
    page.wait_for_selector(".first")
    assert "deltaclip index" in page.locator(".first").inner_text()
    assert page.get_by_role("button", name="Add a folder").count() == 0
    page.get_by_role("button", name="Try it on drawn clips").click()
    page.wait_for_selector(".job")
    page.wait_for_selector(".ideas a", timeout=60_000)
    assert "library=demo" in page.url
    page.locator(".ideas a").first.click()
    page.wait_for_selector(".grid .card")


def test_two_libraries_answer_one_question_side_by_side(address: str, shown: Shown, open_page: "Open") -> None:
    page = open_page(f"{address}/compare")
    page.wait_for_selector(".side")
    page.locator("#box").fill(shown.question)
    page.locator("#box").press("Enter")
    page.wait_for_selector(".side .card")
    assert page.locator(".side h2").all_inner_texts() == ["A\nwith masks", "B\nwithout masks"]
    assert "masks full" in page.locator(".side header").nth(1).inner_text()
    twins = page.locator(".side").first.locator(".twin").all_inner_texts()
    assert any("in B" in each for each in twins)
    page.locator(".side").nth(1).locator("a.card-link").first.click()
    page.wait_for_selector(".stage")
    assert "library=without+masks" in page.url


def test_one_library_alone_says_how_to_serve_two(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/static/mark.svg")
    libraries = page.request.get(f"{address}/v1/libraries").json()["libraries"]
    page.route("**/v1/libraries", lambda route: route.fulfill(json={"libraries": libraries[:1]}))
    page.goto(f"{address}/compare")
    page.wait_for_selector(".blank")
    assert "deltaclip serve --library" in page.locator(".blank").inner_text()


def test_what_the_server_does_not_allow_is_told_in_its_words(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/library?library=unknown")
    page.wait_for_selector(".blank[role=alert]")
    assert "No library is named 'unknown'" in page.locator(".blank").inner_text()
