"""A note of which raw files have been held against their digests."""

import json
import os
from collections.abc import Iterable
from pathlib import Path


class Stamps:
    """Size and time of change of the raw files that were verified, kept on disk.

    With it the second load of a data set reads no raw file that it has seen, and still
    notices one that was changed, exchanged or damaged since.
    """

    def __init__(self, path: Path):
        self.path = path

    def unseen(self, files: Iterable[Path]) -> list[Path]:
        """Those of `files` that are not as they were when they were verified."""
        known = json.loads(self.path.read_text()) if self.path.is_file() else {}
        return [f for f in files if known.get(str(f.resolve())) != _stamp(f)]

    def add(self, files: Iterable[Path]) -> None:
        """Notes that `files`, as they are now, hold the expected content."""
        known = json.loads(self.path.read_text()) if self.path.is_file() else {}
        known |= {str(file.resolve()): _stamp(file) for file in files}
        partial = self.path.with_name(f"{self.path.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(known, indent=1))
        partial.replace(self.path)


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]
