"""Shared and own parameters, as flat dicts."""

from collections.abc import Callable, Mapping
from typing import Any

from flax import traverse_util

from mtlx.types import PyTree

Path = tuple[str, ...]
Flat = dict[Path, Any]  # arrays, or their shapes
Owner = Callable[[Path], str | None]


def split(params: PyTree, owner: Owner) -> tuple[Flat, Flat]:
    """Shared and own parameters, each as {path: array}."""
    flat = traverse_util.flatten_dict(params)
    shared = {path: leaf for path, leaf in flat.items() if owner(path) is None}
    own = {path: leaf for path, leaf in flat.items() if path not in shared}
    return shared, own


def join(*parts: Flat) -> PyTree:
    """The parameter tree that `split` took apart."""
    return traverse_util.unflatten_dict(
        {k: v for part in parts for k, v in part.items()}
    )


def layers(shared: Mapping[Path, Any]) -> list[Path]:
    """The modules that hold shared parameters, as their paths."""
    return sorted({path[:-1] for path in shared})
