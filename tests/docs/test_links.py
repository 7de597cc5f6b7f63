"""Every link from one page of the docs to another leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.console import PAGES

LINK = re.compile(r"\]\(([^)\s]+)\)", re.MULTILINE)
READ = [*PAGES.glob("*.md"), *(PAGES / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", READ, ids=lambda page: page.relative_to(PAGES).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """The names under which a page's headings are linked, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}
