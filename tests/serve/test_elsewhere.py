"""What the server says of a video that is on object storage."""

import pytest

from deltaclip.library import Stamp, VideoRow
from deltaclip.object_paths import ObjectPath
from deltaclip.serve.media import Media
from deltaclip.serve.problems import Problem


def test_its_file_is_not_on_this_machine() -> None:
    path = ObjectPath("s3://films/a.mp4")
    row = VideoRow("id", path, 1, b"", Stamp(1, 2, 3), b"", "indexed", None, False, 1, 1.0)
    media = Media(None)
    try:
        with pytest.raises(Problem) as told:
            media.file_of(row)
    finally:
        media.close()
    assert told.value.code == "gone"
    assert "on object storage, and not on this machine. Fetch it" in told.value.detail
