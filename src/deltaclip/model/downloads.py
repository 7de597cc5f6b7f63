"""What people save by mistake in place of a file that they download."""

from pathlib import Path

from deltaclip.errors import CheckpointError

__all__ = ["AGAIN", "check_start"]

LFS_START = b"version https://git-lfs"
HTML_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml")
LOOK_BYTES = 512
AGAIN = "Download it again, and compare its size with what the download page says."


def check_start(path: Path) -> bytes:
    """The first bytes of a downloaded file; CheckpointError for what people save by mistake in its place.

    That is an empty file, a web page (a link opened in the browser) or a Git LFS pointer (a clone without LFS).
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(LOOK_BYTES)
    except OSError as err:
        raise CheckpointError(
            str(path), f"cannot be read ({err.strerror})", "Check the path and its permissions."
        ) from err
    if not start:
        raise CheckpointError(str(path), "an empty file", AGAIN)
    if start.startswith(LFS_START):
        remedy = "Run `git lfs pull` in its folder, or download the file itself."
        raise CheckpointError(str(path), "a Git LFS pointer of a few lines, not the file", remedy)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML_STARTS):
        remedy = "Its link shows a page first: open it in a browser, confirm the download, and give the file."
        raise CheckpointError(str(path), "a web page (HTML), not weights", remedy)
    return start
