"""Watching a video on the page."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.serve.browser.conftest import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Open = Callable[..., Page]

SECONDS = "document.querySelector('.stage video').currentTime"
PIXELS = """() => {
  const canvas = document.querySelector('.overlay');
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, canvas.width, canvas.height).data;
}"""
AMBER = """() => {
  const pixels = (%s)();
  let painted = 0;
  for (let place = 0; place < pixels.length; place += 4) {
    if (pixels[place] > 200 && pixels[place + 3] > 200) painted += 1;
  }
  return painted;
}""".replace("%s", PIXELS)


@pytest.fixture
def watch(address: str, open_page: "Open") -> "Callable[..., Page]":
    """Opens the page of a video of this name, once its first frame is there."""

    def opened(name: str, query: str = "", **settings: object) -> "Page":
        page = open_page(f"{address}/static/mark.svg", **settings)
        told = page.request.get(f"{address}/v1/videos?limit=100").json()
        video = next(each for each in told["videos"] if each["name"] == name)
        page.goto(f"{address}/video/{video['video_id']}{query}")
        page.wait_for_function("() => document.querySelector('.stage video')?.readyState > 1")
        return page

    return opened


def test_the_player_starts_at_the_moment_and_really_plays(watch: "Callable[..., Page]") -> None:
    page = watch("long.mp4", "?t=15&end=30")
    page.wait_for_function(f"() => Math.abs({SECONDS} - 15) < 1.5")
    page.evaluate("document.querySelector('.stage video').muted = true")
    if page.evaluate("document.querySelector('.stage video').paused"):
        page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"() => {SECONDS} > 16")


def test_what_moves_is_painted_over_the_picture_until_m_is_pressed(watch: "Callable[..., Page]") -> None:
    page = watch("shapes_0001.mp4", "?t=1", reduced_motion="reduce")
    page.wait_for_function(f"() => ({AMBER})() > 50")
    before = page.locator(".stage").screenshot()
    page.keyboard.press("m")
    page.wait_for_function(f"() => ({AMBER})() === 0")
    assert page.locator(".stage").screenshot() != before
    page.keyboard.press("m")
    page.wait_for_function(f"() => ({AMBER})() > 50")


def test_the_outline_stays_on_what_moves_when_the_window_changes(watch: "Callable[..., Page]") -> None:
    page = watch("shapes_0001.mp4", "?t=1", reduced_motion="reduce")
    middle = """() => {
      const canvas = document.querySelector('.overlay'), film = document.querySelector('.stage video');
      const data = (%s)();
      let [x, y, n] = [0, 0, 0];
      for (let place = 3; place < data.length; place += 4) if (data[place] > 30) {
        const pixel = (place - 3) / 4; x += pixel % canvas.width; y += Math.floor(pixel / canvas.width); n += 1;
      }
      const scale = Math.min(canvas.width / film.videoWidth, canvas.height / film.videoHeight);
      return [(x / n - canvas.width / 2) / scale, (y / n - canvas.height / 2) / scale];
    }""".replace("%s", PIXELS)
    page.wait_for_function(f"() => ({AMBER})() > 50")
    wide = page.evaluate(middle)
    page.set_viewport_size({"width": 600, "height": 700})
    page.wait_for_function(f"wide => ({middle})().every((each, axis) => Math.abs(each - wide[axis]) < 2)", arg=wide)


def test_every_moment_has_its_place_on_the_curve_and_a_click_goes_there(watch: "Callable[..., Page]") -> None:
    page = watch("long.mp4", "?t=0&q=the+red+circle+moves", reduced_motion="reduce")
    page.wait_for_selector(".curve-line")
    expect(page.locator(".curve-border")).to_have_count(2)
    expect(page.locator(".curve-legend")).to_contain_text("the red circle moves", use_inner_text=True)
    box = page.locator(".curve-track").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 40 / 46, box["y"] + 20)
    page.wait_for_function(f"() => Math.abs({SECONDS} - 40) < 1")
    expect(page.locator(".moment h2")).to_have_text("Moment 3 of 3", use_inner_text=True)
    expect(page).to_have_url(re.compile(r"t=(40|39\.9)"))


def test_keys_go_a_second_on_and_from_moment_to_moment(watch: "Callable[..., Page]") -> None:
    page = watch("long.mp4", "?t=2", reduced_motion="reduce")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => Math.abs({SECONDS} - 3) < 0.2")
    page.keyboard.press("n")
    page.wait_for_function(f"() => Math.abs({SECONDS} - 15) < 0.2")
    page.keyboard.press("p")
    page.wait_for_function(f"() => {SECONDS} < 0.2")
    page.locator(".curve-track").focus()
    page.keyboard.press("PageUp")
    page.wait_for_function(f"() => Math.abs({SECONDS} - 10) < 0.3")
    expect(page.locator(".curve-track")).to_have_attribute("aria-valuetext", re.compile("^0:10"))


def test_a_question_without_a_time_opens_the_moment_that_fits_best(watch: "Callable[..., Page]") -> None:
    page = watch("long.mp4", "?q=the+red+circle+moves", reduced_motion="reduce")
    video = page.url.split("/video/")[1].split("?")[0]
    told = page.request.get(f"{page.url.split('/video')[0]}/v1/videos/{video}/scores?text=the+red+circle+moves").json()
    best = max(told["moments"], key=lambda each: each["score"])
    page.wait_for_function(f"() => Math.abs({SECONDS} - {best['start_seconds']}) < 0.3")


def test_moments_like_this_one_are_listed_by_appearance_and_by_motion(watch: "Callable[..., Page]") -> None:
    page = watch("shapes_0001.mp4")
    page.wait_for_selector(".like .card")
    expect(page.locator(".like .card-name").first).to_have_text(re.compile(r"^shapes_000[02]\.mp4$"))
    with page.expect_response(lambda answer: "by=motion" in answer.url):
        page.get_by_text("By motion").click()
    page.wait_for_selector(".like .card")


def test_facts_the_path_and_the_moment_as_a_film_are_there(watch: "Callable[..., Page]") -> None:
    page = watch("shapes_0001.mp4")
    expect(page.locator(".facts")).to_contain_text("160 × 160", use_inner_text=True)
    page.get_by_role("button", name="Copy path").click()
    page.get_by_text("Copied").wait_for()
    with page.expect_download() as saved:
        page.get_by_text("Save as mp4").click()
    assert saved.value.suggested_filename.endswith(".mp4")
    assert saved.value.path().stat().st_size > 1000


def test_a_video_that_is_not_there_is_told(address: str, open_page: "Open") -> None:
    page = open_page(f"{address}/video/99999")
    page.wait_for_selector(".blank[role=alert]")
    expect(page.locator(".blank")).to_contain_text("99999", use_inner_text=True)
