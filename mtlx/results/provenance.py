"""How the runs of a study were made."""

import datetime
import re
from collections.abc import Iterable
from typing import NamedTuple

from mtlx.results.store import KEY, RESULT, Study

UNKNOWN = "not recorded"
# May differ between the seeds of one row without any bearing on the result.
HARMLESS = {*KEY, "resume", "study"}


class Provenance(NamedTuple):
    """Date of the last run, device, package versions, overrides: name -> values."""

    date: str
    device: str
    versions: dict[str, str]
    overrides: dict[str, str]


def trace(study: Study) -> Provenance:
    """What the finished runs say of themselves; several values are listed.

    Overrides lose the folders of absolute paths: a report is read elsewhere.
    """
    records = study.records.values()
    files = [study.path / run / RESULT for run in study.records]
    newest = max(file.stat().st_mtime for file in files)
    versions = _gather(pair for r in records for pair in r["versions"].items())
    device = _gather(("device", r["device"]) for r in records if "device" in r)
    overrides = (_split(text) for r in records for text in r["overrides"])
    return Provenance(
        date=datetime.datetime.fromtimestamp(newest, datetime.UTC).strftime(
            "%Y-%m-%d %H:%M UTC"
        ),
        device=device.get("device") or versions.pop("device", UNKNOWN),
        versions=versions,
        overrides=_gather(overrides),
    )


def mixed_rows(study: Study, data: str) -> list[tuple[str, str, str]]:
    """(model, balancer, what differs) of rows whose runs differ in more than seed."""
    rows: dict[tuple[str, str], list[set[str]]] = {}
    for record in study.records.values():
        if record["data"] == data:
            settings = {
                "=".join(pair)
                for pair in map(_split, record["overrides"])
                if pair[0] not in HARMLESS
            }
            rows.setdefault((record["model"], record["balancer"]), []).append(settings)
    mixed = []
    for (model, balancer), settings in rows.items():
        differing = set.union(*settings) - set.intersection(*settings)
        if differing:
            mixed.append((model, balancer, ", ".join(sorted(differing))))
    return mixed


def _split(override: str) -> tuple[str, str]:
    name, _, value = override.lstrip("+").partition("=")
    return name, re.sub(r"(^|[\[,])/(?:[^,\]]*/)?", r"\1.../", value)


def _gather(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """name -> its distinct values in order of appearance."""
    values: dict[str, dict[str, None]] = {}
    for name, value in pairs:
        values.setdefault(name, {})[str(value)] = None
    return {name: ", ".join(found) for name, found in values.items()}
