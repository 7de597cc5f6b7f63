"""10,000 hits on the page: few of them in the document, and frames in time while it scrolls."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.serve.browser.conftest import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    Open = Callable[..., Page]

HITS, AT_ONCE = 10_000, 48
# A picture of one pixel.
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAMLCwgAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
SCROLL = """async () => {
  const frames = [];
  let most = 0, before = performance.now();
  for (let frame = 0; frame < 120; frame += 1) {
    scrollBy(0, 800);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - before);
    before = now;
    most = Math.max(most, document.querySelectorAll('.grid .card').length);
  }
  return {most, frames: frames.map(Math.round)};
}"""


def _hit(number: int) -> dict[str, Any]:
    time = {"start_seconds": 15.0 * number, "end_seconds": 15.0 * number + 15}
    urls = dict.fromkeys(("thumbnail_url", "outlined_thumbnail_url", "stream_url"), PIXEL)
    made_up: dict[str, Any] = {"appearance": 0.2, "motion": None, "coverage": 0.1, "relevance": "low", "folded": []}
    ids = {"video_id": "7", "moment_id": f"7.{number}", "path": None, "name": f"hit {number}.mp4"}
    return {**ids, **time, **urls, **made_up, "score": 1 - number / HITS}


def _many(page: "Page", limit: int | None = None) -> None:
    """Has the page find 10,000 moments, in pages of `limit`, or of what it asks for."""

    def answer(route: "Route") -> None:
        asked: dict[str, Any] = route.request.post_data_json or {}
        start = int(asked["cursor"] or 0)
        end = min(start + (limit or asked["limit"]), HITS)
        hits = [_hit(number) for number in range(start, end)]
        told = {"hits": hits, "next": str(end) if end < HITS else None, "motion_words": [], "notes": []}
        route.fulfill(body=json.dumps({**told, "matches_nothing": False}), content_type="application/json")

    page.route("**/v1/search*", answer)


def test_ten_thousand_hits_scroll_with_few_of_them_in_the_document(
    address: str, open_page: "Open", record_property: Callable[[str, object], None]
) -> None:
    page = open_page(f"{address}/static/mark.svg")
    _many(page, 2500)
    page.goto(f"{address}/?q=anything")
    page.wait_for_selector(".grid .card")
    for _ in range(4):
        page.keyboard.press("End")
        page.wait_for_timeout(150)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(150)
    page.wait_for_function("() => document.querySelector('.number').textContent === '10,000 moments'")
    page.evaluate("scrollTo(0, 0)")
    seen = page.evaluate(SCROLL)
    assert seen["most"] < 200
    record_property("milliseconds a frame", seen["frames"])


def test_the_next_hits_are_fetched_when_the_last_ones_come_near(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/static/mark.svg")
    _many(page)
    page.goto(f"{address}/?q=anything")
    page.wait_for_selector(".grid .card")
    expect(page.locator(".number")).to_have_text(f"{AT_ONCE}+ moments", use_inner_text=True)
    height = page.evaluate("document.querySelector('.grid').offsetHeight")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"() => document.querySelector('.grid').offsetHeight > {height}")
    page.wait_for_function(f"() => document.querySelector('.number').textContent === '{2 * AT_ONCE}+ moments'")


def test_the_focus_survives_that_its_card_is_scrolled_away(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/static/mark.svg", reduced_motion="reduce")
    _many(page, 2500)
    page.goto(f"{address}/?q=anything")
    page.wait_for_selector(".grid .card")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.evaluate("scrollTo(0, 20000)")
    page.wait_for_timeout(200)
    page.wait_for_function("() => document.activeElement.closest('.card')?.place === 1")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.closest('.card')?.place === 2")
    page.wait_for_function("() => document.activeElement.getBoundingClientRect().top > 0")


def test_going_back_finds_the_list_where_it_was_left(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/static/mark.svg")
    _many(page, 2500)
    page.goto(f"{address}/?q=anything")
    page.wait_for_selector(".grid .card")
    page.evaluate("scrollTo(0, 20000)")
    page.wait_for_timeout(200)
    page.locator(".views a[data-view=library]").click()
    page.wait_for_selector(".numbers")
    page.go_back()
    page.wait_for_selector(".grid .card")
    page.wait_for_function("() => Math.abs(scrollY - 20000) < 400")
