"""Writes TorchScript archives of weights, and broken ones."""

import io
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn


def _tree(weights: Mapping[str, Tensor]) -> nn.Module:
    """Modules whose parameters have the given dotted names."""
    root = nn.Module()
    for name, weight in weights.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if not hasattr(module, part):
                module.add_module(part, nn.Module())
            module = module.get_submodule(part)
        if weight.is_floating_point():
            module.register_parameter(last, nn.Parameter(weight.clone()))
        else:
            module.register_buffer(last, weight.clone())
    return root


class _Traceable(nn.Module):
    """Anything can be traced once it has a forward."""

    def forward(self, number: Tensor) -> Tensor:
        return number + 1


def write_archive(path: Path, weights: Mapping[str, Tensor]) -> None:
    """A TorchScript archive with these weights, as torch.jit.save writes it."""
    root = _Traceable()
    for name, module in _tree(weights).named_children():
        root.add_module(name, module)
    for name, weight in weights.items():
        if "." not in name:
            root.register_buffer(name, weight.clone())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates writing such archives; people still have them
        traced = torch.jit.trace(root, torch.zeros(1))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, str(path))


def edit_archive(path: Path, changes: Mapping[str, bytes | None]) -> None:
    """Replaces entries of an archive, by the end of their names; None removes them."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for ending, data in changes.items():
        for name in [name for name in entries if name.endswith(ending)]:
            if data is None:
                del entries[name]
            else:
                entries[name] = data
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def call_pickle(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls module.name(argument) when a trusting reader loads it."""

    class Call:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return getattr(__import__(module), name), (argument,)

    stream = io.BytesIO()
    pickle.Pickler(stream, protocol=2).dump(Call())
    return stream.getvalue()
