"""Finding moments on the page: asking, looking, narrowing down, going back."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from deltaclip.shapes import draw_demo
from tests.serve.browser.conftest import HOSTILE_NAME, NARROW, Shown, expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Open = Callable[..., Page]

HITS = ".grid .card"
LIKE_IT = re.compile(r"^shapes_000[012]\.mp4$")
"""They show the same objects, of which another one moves."""
OUTLINED = re.compile("outlined=1")
PLAYED = "() => { const film = document.querySelector('.still video'); return film && film.currentTime > 0.2; }"


def _ask(page: "Page", text: str) -> None:
    page.locator("#box").fill(text)
    page.locator("#box").press("Enter")
    page.wait_for_selector(f"{HITS}, .blank")


def _wait_for_names(page: "Page", names: set[str]) -> None:
    """Until the hits are of these files and of no others."""
    page.wait_for_function(
        "([cards, names]) => {"
        " const shown = new Set([...document.querySelectorAll(cards)].map(each => each.innerText));"
        " return shown.size === names.length && names.every(each => shown.has(each)); }",
        arg=[f"{HITS} .card-name", sorted(names)],
    )


def test_a_question_finds_its_moment_and_tells_how_relevant_it_is(
    address: str, shown: Shown, open_page: "Open"
) -> None:
    page = open_page(address)
    _ask(page, shown.question)
    first = page.locator(HITS).first
    expect(first.locator(".band")).to_have_text(re.compile("^high"))
    expect(first).to_contain_text(re.compile(r"0:\d\d–0:\d\d"))
    assert page.locator(".summary mark").count() == 0 or page.locator(".summary mark").first.inner_text()
    expect(page.locator("#said")).to_have_text(re.compile(r"^\d"))


def test_a_moment_plays_while_the_mouse_is_on_it_and_one_at_a_time(
    address: str, shown: Shown, open_page: "Open"
) -> None:
    page = open_page(f"{address}/?q={quote(shown.question)}")
    page.locator(HITS).nth(0).hover()
    page.wait_for_function(PLAYED)
    page.locator(HITS).nth(1).hover()
    page.wait_for_function("() => document.querySelectorAll('.grid .card')[1].querySelector('video')")
    page.wait_for_function(PLAYED)
    expect(page.locator(".still video")).to_have_count(1)
    expect(page.locator(".still video")).to_have_js_property("muted", True)


def test_nothing_plays_by_itself_for_who_wants_less_motion(address: str, shown: Shown, open_page: "Open") -> None:
    page = open_page(f"{address}/?q={quote(shown.question)}", reduced_motion="reduce")
    page.locator(HITS).first.hover()
    page.wait_for_timeout(500)
    expect(page.locator(".still video")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_function(PLAYED)


def test_a_moment_is_found_played_and_opened_without_a_mouse(address: str, shown: Shown, open_page: "Open") -> None:
    page = open_page(address, reduced_motion="reduce")
    page.wait_for_selector(".hello")
    page.keyboard.press("/")
    page.keyboard.type(shown.question)
    page.keyboard.press("Enter")
    page.wait_for_selector(HITS)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.closest('.card')?.place === 1")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    page.wait_for_function(PLAYED)
    page.keyboard.press("Enter")
    page.wait_for_selector(".stage video")
    page.wait_for_function("() => document.querySelector('.stage video').readyState > 1")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('.stage video').currentTime > 0.3")
    page.keyboard.press("Escape")
    page.wait_for_selector(HITS)
    page.wait_for_function("() => document.activeElement.closest('.card')?.place === 0")


def test_question_mark_shows_the_keys_and_escape_leaves(address: str, open_page: "Open") -> None:
    page = open_page(address)
    page.wait_for_selector(".hello")
    page.keyboard.press("?")
    page.wait_for_function("() => document.querySelectorAll('dialog[open] kbd').length > 8")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_outlines_are_drawn_on_pictures_until_switched_off_and_that_is_remembered(
    address: str, shown: Shown, open_page: "Open"
) -> None:
    page = open_page(f"{address}/?q={quote(shown.question)}")
    page.wait_for_selector(HITS)
    expect(page.locator(f"{HITS} img").first).to_have_attribute("src", OUTLINED)
    page.locator(".switch").click()
    expect(page.locator(f"{HITS} img").first).not_to_have_attribute("src", OUTLINED)
    page.reload()
    page.wait_for_selector(HITS)
    expect(page.locator(f"{HITS} img").first).not_to_have_attribute("src", OUTLINED)


def test_filters_become_chips_and_going_back_takes_them_away(address: str, shown: Shown, open_page: "Open") -> None:
    page = open_page(address)
    _ask(page, "the circle moves longer:10s")
    _wait_for_names(page, {"long.mp4"})
    expect(page.locator("#box")).to_have_value("the circle moves")
    expect(page).to_have_url(re.compile("longer=10s"))
    expect(page.locator(".chip")).to_have_text("longer:10s", use_inner_text=True)
    page.locator(".chip-off").click()
    page.wait_for_function("() => document.querySelectorAll('.grid .card').length > 4")
    page.go_back()
    page.wait_for_selector(".chip")
    _wait_for_names(page, {"long.mp4"})
    page.go_forward()
    page.wait_for_selector(".chip", state="detached")


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("name:long*", {"long.mp4"}),
        ("folder:videos shorter:3s name:shapes_0001", {"shapes_0001.mp4"}),
        ("moving:0.1% after:2020 before:2999-12-31 name:shapes_0005.mp4", {"shapes_0005.mp4"}),
    ],
)
def test_every_filter_reaches_the_search(address: str, open_page: "Open", typed: str, names: set[str]) -> None:
    page = open_page(address)
    _ask(page, f"something moves {typed}")
    page.wait_for_function("() => document.querySelectorAll('.grid .card, .blank a.button').length")
    if page.locator(".blank a.button").count():
        page.locator(".blank a.button").click()
        page.wait_for_selector(HITS)
    _wait_for_names(page, names)
    expect(page.locator(".chip-wrong")).to_have_count(0)


def test_a_filter_that_cannot_be_read_says_what_to_write(address: str, open_page: "Open") -> None:
    page = open_page(address)
    _ask(page, "the circle moves longer:soon folder:nowhere")
    wrong = page.locator(".chip-wrong")
    expect(wrong.filter(has_text="write 30s")).to_have_count(1)
    expect(wrong.filter(has_text="is no folder of this library")).to_have_count(1)


def test_what_matches_nothing_is_told_and_the_rest_shown_on_request(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/?q=quantum+sausage&by=appearance")
    page.wait_for_selector(".blank")
    expect(page.locator(".blank h2")).to_have_text("Nothing here matches", use_inner_text=True)
    expect(page.locator(HITS)).to_have_count(0)
    page.get_by_text("Show the best of the rest").click()
    page.wait_for_selector(HITS)
    expect(page).to_have_url(re.compile("rest=1"))


def test_by_motion_without_motion_words_says_so_and_offers_both(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/?q=red&by=motion")
    page.wait_for_selector(".blank[role=alert]")
    page.get_by_text("Search by appearance too").click()
    page.wait_for_selector(f"{HITS}, .blank a.button")


def test_a_picture_is_sent_and_its_like_found(address: str, open_page: "Open", tmp_path: Path) -> None:
    page = open_page(address)
    page.wait_for_selector(".hello .ideas")
    told = page.request.get(f"{address}/v1/videos?limit=100").json()
    video = next(each for each in told["videos"] if each["name"] == "shapes_0001.mp4")
    picture = tmp_path / "seen.jpg"
    picture.write_bytes(page.request.get(address + video["thumbnail_url"]).body())
    page.locator("#file").set_input_files(picture)
    page.wait_for_selector(HITS)
    expect(page.locator(f"{HITS} .card-name").first).to_have_text(LIKE_IT)
    expect(page.locator(".ask-file-name")).to_have_text("seen.jpg", use_inner_text=True)
    page.locator(".ask-file button").click()
    page.wait_for_selector(".hello")


def test_a_picture_that_is_dropped_is_searched_with(address: str, open_page: "Open") -> None:
    page = open_page(address)
    page.wait_for_selector(".hello .ideas")
    told = page.request.get(f"{address}/v1/videos?limit=100").json()
    video = next(each for each in told["videos"] if each["name"] == "shapes_0001.mp4")
    content = base64.b64encode(page.request.get(address + video["thumbnail_url"]).body()).decode()
    page.evaluate(
        """async content => {
          const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "dropped.jpg", {type: "image/jpeg"}));
          const way = {dataTransfer: data, cancelable: true};
          for (const kind of ["dragenter", "drop"]) window.dispatchEvent(new DragEvent(kind, way));
        }""",
        content,
    )
    page.wait_for_selector(HITS)
    expect(page.locator(f"{HITS} .card-name").first).to_have_text(LIKE_IT)


def test_questions_asked_before_are_listed_until_cleared(address: str, open_page: "Open") -> None:
    page = open_page(address)
    _ask(page, "the square moves")
    page.locator(".brand").click()
    page.get_by_role("link", name="the square moves", exact=True).click()
    page.wait_for_selector(f"{HITS}, .blank a.button")
    page.locator(".brand").click()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".recent")).to_have_count(0)
    page.reload()
    page.wait_for_selector(".ideas")
    expect(page.locator(".recent")).to_have_count(0)


def test_html_in_the_name_of_a_file_stays_text(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/?q=the+square+moves&rest=1&name=*onerror*")
    page.wait_for_selector(HITS)
    _wait_for_names(page, {HOSTILE_NAME})
    page.locator(f"{HITS} a").first.click()
    page.wait_for_selector(".video h1")
    expect(page.locator(".video h1")).to_have_text(HOSTILE_NAME, use_inner_text=True)
    expect(page.locator("img[src='x']")).to_have_count(0)


def test_copies_of_a_moment_are_one_card_that_can_be_opened(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/?q=the+square+moves&rest=1&name=*.mp4&by=appearance&shorter=3s")
    page.wait_for_selector(".fold")
    page.locator(".fold").first.click()
    expect(page.locator("dialog .folded li").nth(1)).to_be_visible()
    page.locator("dialog .folded a").nth(1).click()
    page.wait_for_selector(".stage")


def test_a_tap_plays_and_the_second_one_opens(address: str, shown: Shown, open_page: "Open") -> None:
    page = open_page(f"{address}/?q={quote(shown.question)}", viewport=NARROW, has_touch=True, is_mobile=True)
    page.locator(f"{HITS} .card-link").first.tap()
    page.wait_for_function(PLAYED)
    assert "/video/" not in page.url
    page.locator(f"{HITS} .card-link").first.tap()
    page.wait_for_selector(".stage")


def test_when_the_server_is_gone_the_page_says_so_and_goes_on_when_it_is_back(
    address: str, shown: Shown, open_page: "Open"
) -> None:
    page = open_page(address)
    page.wait_for_selector(".ideas")
    page.context.set_offline(True)
    page.locator("#box").fill(shown.question)
    page.locator("#box").press("Enter")
    page.wait_for_selector("#gone:not([hidden])")
    page.context.set_offline(False)
    page.wait_for_selector(HITS)
    expect(page.locator("#gone")).to_be_hidden()


def test_the_questions_that_the_page_offers_are_those_of_the_drawn_clips(
    address: str, open_page: "Open", tmp_path: Path
) -> None:
    page = open_page(address)
    page.wait_for_selector(".ideas a")
    expect(page.locator(".ideas a")).to_have_text(list(draw_demo(tmp_path / "again")), use_inner_text=True)
