"""What `deltaclip.training` and `deltaclip.frame_cache` give, and what importing them costs."""

import subprocess
import sys

import pytest

from deltaclip import training


@pytest.mark.parametrize("name", training.__all__)
def test_every_public_name_can_be_fetched_and_is_shown_by_dir(name: str) -> None:
    assert getattr(training, name) is not None
    assert name in dir(training)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = training.trian


def test_importing_the_frame_cache_does_not_import_torch() -> None:
    code = "import sys, deltaclip.frame_cache; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
