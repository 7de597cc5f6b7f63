"""Motion words: what sentences say of how things move, and scenes that are drawn to learn it from."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.motion_words.concepts import CONCEPTS, OPEN, truths
    from deltaclip.motion_words.drawing import DrawnFrames, draw
    from deltaclip.motion_words.matching import modifiers_in, phrases_in
    from deltaclip.motion_words.phrases import said_phrases
    from deltaclip.motion_words.reading import MAX_WORDS, ReadSentence, read_sentence
    from deltaclip.motion_words.scene import Scene
    from deltaclip.motion_words.scenes import new_scene
    from deltaclip.motion_words.sentences import (
        MadeSentence,
        all_claims,
        claims_about,
        empty_sentence,
        sentence_about,
        stacked,
    )
    from deltaclip.motion_words.variants import backwards, mirrored
    from deltaclip.motion_words.words import OTHER, PAD, count_of_looks, is_function, speaks, vocabulary
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.motion_words.words",
        "deltaclip.motion_words.reading",
        "deltaclip.motion_words.phrases",
        "deltaclip.motion_words.matching",
        "deltaclip.motion_words.concepts",
        "deltaclip.motion_words.scene",
        "deltaclip.motion_words.scenes",
        "deltaclip.motion_words.sentences",
        "deltaclip.motion_words.variants",
        "deltaclip.motion_words.drawing",
    )

__all__ = [
    "CONCEPTS",
    "MAX_WORDS",
    "OPEN",
    "OTHER",
    "PAD",
    "DrawnFrames",
    "MadeSentence",
    "ReadSentence",
    "Scene",
    "all_claims",
    "backwards",
    "claims_about",
    "count_of_looks",
    "draw",
    "empty_sentence",
    "is_function",
    "mirrored",
    "modifiers_in",
    "new_scene",
    "phrases_in",
    "read_sentence",
    "said_phrases",
    "sentence_about",
    "speaks",
    "stacked",
    "truths",
    "vocabulary",
]
