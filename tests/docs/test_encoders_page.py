"""The page about encoders has every family that is there, with its facts, and every one that is refused."""

from deltaclip.model import FAMILIES
from deltaclip.model.families import NOT_HERE
from tests.docs.console import PAGES

PAGE = (PAGES / "docs" / "reference" / "encoders.md").read_text(encoding="utf-8")


def test_each_family_is_on_the_page_with_its_licence_and_loss() -> None:
    for family in FAMILIES.values():
        assert f"| {family.title} |" in PAGE
        assert f"`{family.name}`" in PAGE
        for licence in family.licence.split("; "):
            assert licence in PAGE
        assert family.loss in PAGE


def test_each_family_that_is_refused_by_name_is_on_the_page() -> None:
    for name in NOT_HERE.keys() - {"timm_wrapper"}:
        assert name in PAGE
