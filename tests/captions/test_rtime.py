"""RTime in the form in which it is published: sentences of videos, and of the same videos played backwards."""

from pathlib import Path
from typing import Any

import pytest

from deltaclip.captions import load_captions
from tests.captions.drawn import refusal, texts, write


def entry(forward: str, backward: str | None) -> dict[str, Any]:
    """One video; without a backward sentence one that cannot be played backwards."""
    back = [] if backward is None else [backward]
    return {
        "temporal": True,
        "reverse": backward is not None,
        "forward_captions": [forward],
        "reverse_captions": back,
        "forward_rewrites": [f"{forward} {number}" for number in range(2)],
        "reverse_rewrites": [f"{text} {number}" for text in back for number in range(2)],
        "url": "https://example.org/clip-1",
    }


RTIME = {"33176965": entry("The door opens.\n", "The door closes."), "1105": entry("A man sits.", None)}


def test_queries_of_the_test_are_what_people_wrote_each_with_its_opposite(tmp_path: Path) -> None:
    write(tmp_path, test__json=RTIME)
    found = load_captions("rtime", tmp_path)
    assert texts(found, "test") == [("33176965", "The door opens.\n"), ("1105", "A man sits.")]
    captions = found.splits["test"].captions
    assert captions is not None
    assert [caption.opposite for caption in captions] == ["The door closes.", None]
    assert "test: 2 sentences from test.json, 1 of them with one of the video played backwards." in found.notes
    assert "val is absent: valid.json is not there." in found.notes


def test_training_has_the_rewrites_too(tmp_path: Path) -> None:
    write(tmp_path, train__json=RTIME, valid__json={"9": entry("up", "down")})
    found = load_captions("rtime", tmp_path)
    assert [*found.splits] == ["train", "val"]
    captions = found.splits["train"].captions
    assert captions is not None
    assert [(caption.text, caption.opposite) for caption in captions[:3]] == [
        ("The door opens.\n", "The door closes."),
        ("The door opens.\n 0", "The door closes. 0"),
        ("The door opens.\n 1", "The door closes. 1"),
    ]
    assert len(texts(found, "val")) == 1


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ([], "the document is a list, not an object"),
        ({"a": []}, "a is a list, not an object"),
        ({"a": {}}, "reverse of a is None, not true or false"),
        ({"a": {"reverse": True, "forward_captions": ["b"]}}, "reverse_captions of a is missing"),
        ({"a": entry(" ", "b")}, "forward_captions 0 of a is empty"),
        ({}, "holds no sentence"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, document: Any, found: str) -> None:
    write(tmp_path, test__json=document)
    assert found in str(refusal("rtime", tmp_path))
