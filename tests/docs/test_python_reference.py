"""The page of the Python API: its code prints what it shows, and it names everything that is public."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import deltaclip
from deltaclip import Encoder, Library
from tests.docs.conftest import assert_shown
from tests.docs.console import PAGES

PAGE = (PAGES / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SIGNATURES = dict(re.findall(r"^\| `([\w.]+)\((.*?)\)` \|", PAGE, re.MULTILINE))


def test_the_code_prints_what_the_page_shows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(block, names)
        shown = re.findall(r"^ *# > (.*)$", block, re.MULTILINE)
        assert_shown(tuple(shown), capsys.readouterr().out.splitlines(), home)
    hits, same, circles = names["hits"], names["same"], names["circles"]
    assert isinstance(hits, list)
    assert hits[:3] == same == circles
    alike = names["more_like_this"]
    assert isinstance(alike, list)
    assert len(alike) == 3
    assert hits[0].id not in [hit.id for hit in alike]


def test_every_public_name_is_on_the_page() -> None:
    for name in deltaclip.__all__:
        assert re.search(rf"`(deltaclip\.)?{name}[`(]", PAGE), name


@pytest.mark.parametrize("kind", [Encoder, Library])
def test_every_public_method_is_on_the_page(kind: type) -> None:
    for name in (each for each in vars(kind) if not each.startswith("_")):
        assert re.search(rf"`{kind.__name__}\.{name}[`(]", PAGE), name


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_on_the_page_has_the_parameters_that_there_are(name: str) -> None:
    found: object = deltaclip
    if name.startswith("library.lance."):  # imported by nothing but what wants it
        pytest.importorskip("lance")
        import_module("deltaclip.library.lance")
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)
    [function] = ast.parse(f"def f({SIGNATURES[name]}): pass").body
    assert isinstance(function, ast.FunctionDef)
    named = function.args
    shown = [each.arg for each in (*named.posonlyargs, *named.args, *named.kwonlyargs, named.kwarg) if each]
    assert shown == [each for each in inspect.signature(found).parameters if each != "self"]
