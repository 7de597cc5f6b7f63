"""deltaclip finds moments in videos from words, by what moves in them."""

__version__ = "0.1.0"
