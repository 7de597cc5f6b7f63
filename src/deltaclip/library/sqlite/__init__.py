"""The store that comes with deltaclip: a folder with an SQLite database. The only code that knows SQL."""

from deltaclip.library.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
