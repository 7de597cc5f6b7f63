"""Which captions speak of motion, by the written list."""

import pytest

from deltaclip.evaluation.words import MOTION_VERBS, STATIC_NOUNS, caption_kind, kinds_of


@pytest.mark.parametrize(
    ("caption", "kind"),
    [
        ("A man is RUNNING.", "motion"),
        ("a boy ran home", "motion"),
        ("people swimming in the sea", "motion"),
        ("she slices an onion in a kitchen", "motion"),
        ("the bird flies", "motion"),
        ("they travelled", "motion"),
        ("a kitchen with two tables", "static"),
        ("a dog doesn't really move in the garden", "static"),
        ("nothing moves while the red circle stays", "neither"),
        ("a man talks", "neither"),
        ("", "neither"),
    ],
)
def test_a_verb_of_motion_decides_then_a_static_noun(caption: str, kind: str) -> None:
    assert caption_kind(caption) == kind


def test_a_verb_after_a_denied_one_still_counts() -> None:
    assert caption_kind("nothing stays, everything here moves") == "motion"


def test_several_captions_keep_their_order() -> None:
    assert kinds_of(["a logo", "he jumps"]) == ("static", "motion")


def test_no_word_is_in_both_lists() -> None:
    assert not MOTION_VERBS & STATIC_NOUNS
