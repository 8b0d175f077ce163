"""What was asked of the runs of a study, beyond model, balancer, data and seed."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mtlx.results.files import KEY

# These name the run, or have no bearing on its result.
APART = {*KEY, "study", "resume", "tracker", "data.data_dir", "data.cache_dir"}


def split_override(override: str) -> tuple[str, str]:
    """`+name=value` as (name, value), absolute paths without their folders.

    Results are read elsewhere, where the folders of one machine mean nothing.
    """
    name, _, value = override.lstrip("+").partition("=")
    return name, re.sub(r"(^|[\[,])/(?:[^,\]]*/)?", r"\1.../", value)


def distinguish(records: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """run -> the settings in which it differs from another run on the same data.

    Runs of equal data, model and balancer that differ here are different methods: they
    get rows of their own, never a common mean. "" where all were asked the same.
    """
    asked = {run: _settings(record) for run, record in records.items()}
    texts = {}
    for run, record in records.items():
        peers = [asked[r] for r in records if records[r]["data"] == record["data"]]
        common = set.intersection(*map(set, peers))
        texts[run] = ", ".join(s for s in asked[run] if s not in common)
    return texts


def gather(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """name -> its distinct values in order of appearance."""
    values: dict[str, dict[str, None]] = {}
    for name, value in pairs:
        values.setdefault(name, {})[str(value)] = None
    return {name: ", ".join(found) for name, found in values.items()}


def _settings(record: Mapping[str, Any]) -> list[str]:
    pairs = map(split_override, record["overrides"])
    return sorted("=".join(pair) for pair in pairs if pair[0] not in APART)
