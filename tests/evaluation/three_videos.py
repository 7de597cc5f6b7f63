"""A split of three videos with four captions."""

from deltaclip.captions import Caption, Split

SPLIT = Split(
    videos=("a", "b", "c"),
    captions=(
        Caption("the red square moves", "a"),
        Caption("a square", "c"),
        Caption("red", "b"),
        Caption("the square moves right", "c"),
    ),
)
