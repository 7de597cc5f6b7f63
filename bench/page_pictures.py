"""Makes the pictures of the page that the docs show: four views, light and dark, wide and narrow, over drawn clips.

python bench/page_pictures.py            # writes docs/images/page/*.png; wants playwright and chromium; 1 min
"""

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from deltaclip import Encoder, Library
from deltaclip.shapes import ShapesSpec, draw_demo, make_world, write_world

OUT = Path(__file__).parents[1] / "docs" / "images" / "page"
SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 390, "height": 844}}
COLOURS, MOST_BYTES = 256, 150_000
LONG_SCENES = 45
"""Of two seconds each: six moments, so that the curve has a shape."""
QUESTION = "the red circle moves"


def main() -> None:
    """Draws, indexes with masks and without, serves, and takes the pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="deltaclip-") as folder:
        libraries = _index(Path(folder))
        with _serving(libraries, Path(folder)) as address, sync_playwright() as playwright:
            chromium = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            for scheme in ("light", "dark"):
                for size, viewport in SIZES.items():
                    settings: dict[str, Any] = {
                        "viewport": viewport,
                        "color_scheme": scheme,
                        "reduced_motion": "reduce",
                    }
                    _take(browser.new_page(**settings), address, f"{scheme}-{size}")
            browser.close()


def _index(folder: Path) -> list[Path]:
    videos = folder / "Videos"
    draw_demo(videos)
    (long,) = make_world(5, 1, ShapesSpec(size=224, scenes=LONG_SCENES, camera="pan"))
    write_world(folder / "long", [long])[0].rename(videos / "walk.mp4")
    (videos / "tape 3.avi").write_bytes(b"no video" * 500)
    libraries = {folder / "subject": Encoder.load("shapes"), folder / "full": Encoder.load("shapes", motion="full")}
    for address, encoder in libraries.items():
        with Library.open(address, encoder, create=True) as library:
            library.index([videos])
    return list(libraries)


@contextmanager
def _serving(libraries: list[Path], root: Path) -> Iterator[str]:
    given = [part for library in libraries for part in ("--library", str(library))]
    command = [sys.executable, "-m", "deltaclip", "serve", "--port", "0", "--root", str(root), *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip().rstrip("/")
        server.terminate()


def _take(page: Page, address: str, look: str) -> None:
    told = page.request.get(f"{address}/v1/videos?limit=100").json()["videos"]
    video = next(each["video_id"] for each in told if each["name"] == "walk.mp4")
    views = {
        "search": (f"/?q={quote(QUESTION)}", ".grid .still.there"),
        "video": (f"/video/{video}?t=46.5&q={quote(QUESTION)}", ".curve-line"),
        "library": ("/library", ".failures li"),
        "compare": (f"/compare?q={quote(QUESTION)}", ".side .still.there"),
    }
    for name, (path, there) in views.items():
        page.goto(address + path)
        page.wait_for_selector(there)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        content = page.screenshot()
        with Image.open(io.BytesIO(content)) as picture:
            small = picture.convert("RGB").quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE)
        out = OUT / f"{name}-{look}.png"
        small.save(out, optimize=True)
        assert out.stat().st_size < MOST_BYTES, f"{out} has {out.stat().st_size} bytes: take fewer colours"
    page.close()


if __name__ == "__main__":
    main()
