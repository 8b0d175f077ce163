"""A run of a published table: what it is, and where its result goes."""

import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

from mtlx.results.reproduction.spec import Row

Settings = dict[str, Any]  # override -> value, one point of the grid


class Cell(NamedTuple):
    """A run: what it is, and where its result goes."""

    row: Row
    seed: int
    settings: Settings
    folder: Path


def folder_of(root: Path, row: Row, settings: Settings, seed: int) -> Path:
    """E.g. ROOT/shared-bottom-5f3a1c/learning_rate=0.001/seed=0."""
    words = re.sub(r"[^a-z0-9.]+", "-", row.name.lower()).strip("-")
    # Names that differ in signs alone are different rows.
    slug = f"{words}-{hashlib.sha256(row.name.encode()).hexdigest()[:6]}"
    point = ",".join(f"{k.rsplit('.', 1)[-1]}={v}" for k, v in settings.items())
    return root / slug / (point or "as_specified") / f"seed={seed}"
