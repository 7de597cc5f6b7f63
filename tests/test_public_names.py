"""What `import deltaclip` gives."""

import subprocess
import sys

import pytest

import deltaclip
from deltaclip import errors


@pytest.mark.parametrize("name", deltaclip.__all__)
def test_every_public_name_can_be_fetched_and_is_shown_by_dir(name: str) -> None:
    assert getattr(deltaclip, name) is not None
    assert name in dir(deltaclip)


def test_all_errors_of_the_tree_are_public() -> None:
    tree = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert tree <= set(deltaclip.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Libary'"):
        _ = deltaclip.Libary


def test_a_star_import_gives_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from deltaclip import *", names)
    assert set(deltaclip.__all__) <= set(names)


def test_masks_and_the_other_functions_are_there_without_torch() -> None:
    code = (
        "import sys, deltaclip as d; d.masks, d.Masks, d.convert, d.evaluate, d.train, d.Library, d.Hit;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_importing_the_package_imports_neither_torch_nor_numpy() -> None:
    code = "import sys, deltaclip; dir(deltaclip); sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
