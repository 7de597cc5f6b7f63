"""What a reader can be asked for."""

import pytest

from deltaclip.reader import ReaderSpec


def test_an_unknown_motion_is_refused() -> None:
    with pytest.raises(ValueError, match="difference"):
        ReaderSpec(32, motion="optical")
