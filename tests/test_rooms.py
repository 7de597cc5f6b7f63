"""Other rooms import a room through its `__init__` only: what is not there is private to it."""

import ast
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import deltaclip
from deltaclip.library import STORES

SOURCE = Path(deltaclip.__file__).parent
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))
OWN_FRONTS = {
    "deltaclip.evaluation.studies": "a dict of studies, which import all of evaluation",
    "deltaclip.library.sqlite": "one of the stores, imported only when an address asks for it",
    "deltaclip.library.lance": "one of the stores, which wants an extra",
    "deltaclip.training.motion": "the motion encoder, which needs nothing else of training",
    "deltaclip.training.studies": "a dict of studies, which import all of training",
}
"""Rooms inside a room that are imported by their own name, and why."""

Import = tuple[str, str, str | None]
"""file, module, name (None for `import module`)"""


def room_of(module: str) -> str | None:
    """The room that a module belongs to, None if it is on the ground floor or not of deltaclip."""
    parts = module.split(".")
    return parts[1] if parts[0] == "deltaclip" and len(parts) > 1 and parts[1] in ROOMS else None


def imports_from_other_rooms() -> Iterator[Import]:
    for path in sorted(SOURCE.rglob("*.py")):
        own = room_of(".".join(("deltaclip", *path.relative_to(SOURCE).with_suffix("").parts)))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found: list[tuple[str, str | None]] = []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: imports are absolute"
                found = [(node.module or "", alias.name) for alias in node.names]
            elif isinstance(node, ast.Import):
                found = [(alias.name, None) for alias in node.names]
            for module, name in found:
                if module == "deltaclip" and name in ROOMS:  # from deltaclip import room
                    module, name = f"deltaclip.{name}", None
                if room_of(module) not in (None, own):
                    yield path.relative_to(SOURCE).as_posix(), module, name


def offence(module: str, name: str | None) -> str | None:
    """What is wrong with importing that name of that module, None if nothing is."""
    if module.count(".") > 1 and module not in OWN_FRONTS:
        return f"{module} is private to its room"
    if name is not None and name not in import_module(module).__all__:
        return f"{name} is not in the __all__ of {module}"
    return None


def test_no_name_of_a_front_hides_a_module() -> None:
    """`import deltaclip.motion.subject.decision as d` failed while a function `subject` hid the package."""
    hidden = set()
    for found in pkgutil.walk_packages(deltaclip.__path__, "deltaclip."):
        if found.ispkg:
            front = import_module(found.name)
            modules = {module.name for module in pkgutil.iter_modules(front.__path__)}
            names = modules & set(dir(front))
            hidden |= {f"{found.name}.{name}" for name in names if not isinstance(getattr(front, name), ModuleType)}
    assert hidden == set()


def test_rooms_are_imported_through_their_init_only() -> None:
    found = {
        f"{file}: {problem}"
        for file, module, name in imports_from_other_rooms()
        if (problem := offence(module, name)) is not None
    }
    assert not found, "\n".join(sorted(found))


def test_no_front_is_excused_that_nobody_imports() -> None:
    imported = {module for _, module, _ in imports_from_other_rooms()}
    # The store of SQLite is imported by its dotted word in STORES.
    assert imported >= OWN_FRONTS.keys() - {"deltaclip.library.sqlite"}
    assert "deltaclip.library.sqlite.SqliteStore" in STORES.values()


def test_a_private_module_and_a_name_that_is_not_public_are_offences() -> None:
    assert offence("deltaclip.model.clip", "assemble") == "deltaclip.model.clip is private to its room"
    assert offence("deltaclip.motion", "threads") == "threads is not in the __all__ of deltaclip.motion"
    assert offence("deltaclip.motion", "Motion") is None


@pytest.mark.parametrize("room", [*(f"deltaclip.{room}" for room in ROOMS), *OWN_FRONTS])
def test_every_public_name_of_a_room_is_there_once(room: str) -> None:
    names = import_module(room).__all__
    assert len(set(names)) == len(names)
    for name in names:
        assert not isinstance(getattr(import_module(room), name), type(ast)), f"{name} is a module"
