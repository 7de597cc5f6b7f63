"""A wrong type is a TypeError wherever Python programs call us, whatever else is wrong; a wrong value a ValueError."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltaclip
from deltaclip import Encoder
from deltaclip.encoder import EncoderSpec
from deltaclip.library import Filter, Library
from tests.helpers import small_checkpoint
from tests.library.fakes import FakeEncoder, FakeMotionEncoder

Call = Callable[..., Any]  # Any: what must not come back

# A function, an option of it, and a value of a wrong type.
OPTIONS: list[tuple[str, str, Any]] = [
    *[
        ("with_options", name, value)
        for name, value in {"motion": 5, "num_frames": 2.5, "sampling": ["uniform"]}.items()
    ],
    *[("with_options", name, value) for name, value in {"max_words": "a", "keep": "all"}.items()],
    ("with_options", "keep", True),
    *[("spec", name, value) for name, value in {"device": 3, "precision": 3, "engine": ["torch"]}.items()],
    *[("search", name, 3) for name in ("by", "min_relevance", "where")],
    *[("search", name, ["high"]) for name in ("by", "min_relevance", "limit")],
    *[("search_each", name, "x" if name == "limit" else 3) for name in ("by", "where", "limit")],
    *[("search_moment", name, "x" if name == "limit" else 3) for name in ("by", "where", "limit")],
    *[("search_vectors", name, "x") for name in ("where", "limit")],
    *[("search_video", name, "x") for name in ("where", "limit")],
    *[("search_image", name, "x") for name in ("where", "limit")],
    *[("like_motion_of", name, "x") for name in ("where", "limit")],
    *[("index", name, value) for name, value in {"exclude": "*.gif", "workers": "auto"}.items()],
    *[("filter", name, 3) for name in ("folder", "glob", "after", "before")],
    *[("filter", name, "3") for name in ("longer_seconds", "shorter_seconds", "min_coverage")],
    *[("masks", name, "x") for name in ("num_frames", "short_side")],
    ("masks", "motion", 3),
    *[("convert", name, 3) for name in ("clip", "out", "alpha", "tokenizer", "config", "activation")],
    *[("convert", name, "x") for name in ("vision_heads", "text_heads")],
    *[("evaluate", name, 3) for name in ("captions", "videos", "dataset", "split", "post", "cache", "on_progress")],
    *[("evaluate_matrix", "owner", value) for value in (["a", "b"], [0.5, 1.5])],
    *[("train", name, 3) for name in ("out", "captions", "videos", "recipe", "dataset", "overrides", "cache")],
    *[("train", name, 3) for name in ("device", "on_progress", "on_decoded", "on_note")],
    *[("train", name, "x") for name in ("time_limit", "workers")],
    ("train", "overrides", {3: 4}),
]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Call]:
    folder: Path = tmp_path_factory.mktemp("types")
    encoder = Encoder.load(small_checkpoint(folder / "encoder"), device="cpu")
    library = Library.open(folder / "library", FakeEncoder(), FakeMotionEncoder(), create=True)
    data = {"captions": folder / "captions.csv", "videos": folder}
    defaults: dict[str, tuple[Call, tuple[Any, ...], dict[str, Any]]] = {
        "with_options": (encoder.with_options, (), {}),
        "spec": (EncoderSpec, (), {}),
        "search": (library.search, ("a 0",), {}),
        "search_each": (library.search_each, (["a 0"],), {}),
        "search_moment": (library.search_moment, ("1.0",), {}),
        "search_vectors": (library.search_vectors, (np.eye(16)[0],), {}),
        "search_video": (library.search_video, ("a.mp4",), {}),
        "search_image": (library.search_image, ("a.png",), {}),
        "like_motion_of": (library.like_motion_of, ("a.mp4",), {}),
        "index": (library.index, ([],), {}),
        "filter": (Filter, (), {}),
        "masks": (deltaclip.masks, ("a.mp4",), {}),
        "convert": (deltaclip.convert, (), {"clip": "a.pt", "out": folder / "out"}),
        "evaluate": (deltaclip.evaluate, (encoder,), data),
        "evaluate_matrix": (deltaclip.evaluate, (np.eye(2),), {}),
        "train": (deltaclip.train, (), {"out": folder / "out", **data}),
    }

    def call_of(function: Call, given: tuple[Any, ...], named: dict[str, Any]) -> Call:
        return lambda **options: function(*given, **{**named, **options})

    return {name: call_of(*each) for name, each in defaults.items()}


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("name", "option", "value"), OPTIONS, ids=[f"{o[0]}-{o[1]}-{o[2]!r}" for o in OPTIONS])
def test_a_wrong_type_is_a_type_error(calls: dict[str, Call], name: str, option: str, value: Any) -> None:
    with pytest.raises(TypeError):
        calls[name](**{option: value})


@pytest.mark.parametrize("matrix", [None, {"a": 1}, [["a"]]])
def test_what_is_no_array_of_numbers_is_a_type_error(matrix: Any) -> None:
    with pytest.raises(TypeError, match="similarity is an array of numbers"):
        deltaclip.evaluate(matrix)


@pytest.mark.parametrize(
    ("name", "option", "value", "words"),
    [
        ("search", "by", "looks", "by is 'looks': choose one of appearance, motion, both"),
        ("search", "min_relevance", "hi", "min_relevance is 'hi': did you mean high?"),
        ("with_options", "sampling", "unifrom", "sampling is 'unifrom': did you mean uniform?"),
        ("with_options", "keep", 2.0, "keep is 2.0: a share above 0 and at most 1"),
        ("train", "recipe", "msvdd", "recipe is 'msvdd': did you mean msvd?"),
        ("evaluate", "post", "dls", "post is 'dls': did you mean dsl?"),
    ],
)
def test_a_wrong_value_names_the_option_and_the_choices(
    calls: dict[str, Call], name: str, option: str, value: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        calls[name](**{option: value})
