"""How the runs of a study were made."""

import datetime
from typing import Any, NamedTuple

from mtlx.results.files import RESULT
from mtlx.results.overrides import gather, split_override
from mtlx.results.store import Study

UNKNOWN = "not recorded"


class Provenance(NamedTuple):
    """Date of the last run, device, package versions, overrides: name -> values."""

    date: str
    device: str
    versions: dict[str, str]
    overrides: dict[str, str]


def trace(study: Study) -> Provenance:
    """What the finished runs say of themselves; several values are listed."""
    records = study.records.values()
    files = [study.path / run / RESULT for run in study.records]
    newest = max(file.stat().st_mtime for file in files)
    date = datetime.datetime.fromtimestamp(newest, datetime.UTC)
    return Provenance(
        date=date.strftime("%Y-%m-%d %H:%M UTC"),
        device=gather(("device", _device(record)) for record in records)["device"],
        versions=gather(pair for r in records for pair in r["versions"].items()),
        overrides=gather(split_override(o) for r in records for o in r["overrides"]),
    )


def _device(record: dict[str, Any]) -> str:
    known = [record[name] for name in ("device", "machine") if name in record]
    return ", ".join(known) or UNKNOWN
