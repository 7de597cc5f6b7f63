"""One name, one meaning: no public class or type of deltaclip is defined twice."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import deltaclip

SOURCE = Path(deltaclip.__file__).parent


def defined_types() -> Iterator[tuple[str, str]]:
    """(name, file) of every class, and of every alias of a type that is spelt like one; TypeVars are no types."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign) and not is_type_var(node.value):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            else:
                continue
            for name in names:
                if name[0].isupper() and any(letter.islower() for letter in name):
                    yield name, path.relative_to(SOURCE).as_posix()


def is_type_var(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("TypeVar", "ParamSpec")
    )


def defined_twice() -> dict[str, list[str]]:
    files = defaultdict(list)
    for name, file in defined_types():
        files[name].append(file)
    return {name: found for name, found in files.items() if len(found) > 1}


def test_no_public_type_is_defined_twice() -> None:
    assert defined_twice() == {}
