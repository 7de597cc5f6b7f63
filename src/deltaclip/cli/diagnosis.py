"""`doctor`: what this installation has and lacks."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deltaclip.cli.options import JsonOption
from deltaclip.cli.output import emit, finish, note, print_lines, shown
from deltaclip.wording import count

if TYPE_CHECKING:  # it imports the library
    from deltaclip.doctor import Diagnosis

__all__ = ["doctor"]


def doctor(as_json: JsonOption = False) -> None:
    """Say what this installation has and lacks.

    Looks at the packages and their versions, the processor and GPUs, the engine and precision that run by default and
    why, the extras, the video codecs, the bundled encoders, and the folders of the library and of the caches. Downloads
    nothing. Exits with 1 if something that is needed is broken; what is only lacking is noted.

    \b
    Example:
      deltaclip doctor
    """
    from deltaclip.doctor import examine

    found = examine()
    if as_json:
        emit({"ok": found.ok, **asdict(found)})
    else:
        print_lines(*(shown(line) for line in _lines(found)))
        print_lines(*(shown(problem) for problem in found.problems))
        print_lines("ok" if found.ok else count(len(found.problems), "problem"))
        for each in found.notes:
            note(shown(each))
    finish(not found.ok)


def _lines(found: "Diagnosis") -> Iterator[str]:
    yield f"deltaclip  {found.deltaclip['version']} in {found.deltaclip['folder']}"
    yield f"python     {found.python['version']} ({found.python['executable']})"
    cores = count(found.machine["cores"], "core")
    memory = found.machine["memory_bytes"]
    yield f"machine    {found.machine['system']}, {cores}{'' if memory is None else f', {_size(memory)} of memory'}"
    yield "packages   " + ", ".join(f"{row['name']} {row['version'] or 'missing'}" for row in found.packages)
    for name, extra in found.extras.items():
        has = ", ".join(f"{row['name']} {row['version']}" for row in extra["packages"] if row["version"])
        yield f"extra      {name}: " + (has if extra["installed"] else f"not installed; {extra['install']}")
    if found.devices is not None:
        yield f"processor  {found.devices['processor']} ({_yes_and_no(found.devices['features'])})"
        yield f"GPU        {', '.join(found.devices['cuda']) or ('Apple' if found.devices['mps'] else 'none')}"
    if found.runs is not None:
        for name in ("engine", "device", "precision"):
            yield f"{name:10} {found.runs[name]}: {found.runs[f'{name}_reason']}"
    if found.codecs is not None:
        yield f"codecs     {_yes_and_no(found.codecs)}"
    for encoder in found.encoders:
        kind = "bundled" if encoder["bundled"] else "from the hub"
        there = ("there" if encoder["bundled"] else "in the cache") if encoder["present"] else "not there"
        yield f"encoder    {encoder['name']}, {kind}: {there}"
    for what, place in (("library", found.library), ("cache", found.cache)):
        state = ("there" if place["exists"] else "not made yet", "writable" if place["can_be_written"] else "read-only")
        yield f"{what:10} {place['folder']}: {', '.join(state)}, {_size(place['free_bytes'])} free"


def _yes_and_no(features: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in features.items()) or "not known"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GB"
