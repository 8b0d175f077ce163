"""The folder of a run: its configuration, and its result once it is finished."""

import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import jax
from omegaconf import DictConfig, OmegaConf

from mtlx.train import Result

PACKAGES = ("jax", "flax", "optax", "numpy")


def folder_name(overrides: str) -> str:
    """Overrides as part of a path: Orbax takes square brackets there for a pattern."""
    return overrides.replace("[", "(").replace("]", ")")


def read_result(folder: Path) -> dict[str, Any] | None:
    """The result of a finished run, or None."""
    path = folder / "result.json"
    return json.loads(path.read_text()) if path.exists() else None


def claim(folder: Path, cfg: DictConfig) -> None:
    """Writes `cfg` into the run's folder.

    Raises:
        FileExistsError: the folder holds a run of another configuration.
    """
    path = folder / "config.yaml"
    if path.exists():
        before, now = _comparable(OmegaConf.load(path)), _comparable(cfg)
        if cfg.resume:  # a finished run may be trained for longer
            before["trainer"]["epochs"] = now["trainer"]["epochs"]
        if before != now:
            changed = [key for key in now if now[key] != before.get(key)]
            raise FileExistsError(
                f"Expected {folder} to be free or to hold this very run, found a run "
                f"that differs in {', '.join(changed)}. Choose another study=<name>, "
                f"or remove the folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(cfg, path, resolve=True)


def make_record(result: Result, facts: dict[str, Any]) -> dict[str, Any]:
    """What `result.json` says of a run."""
    numbers = result._asdict()
    for arrays in ("state", "variables"):
        del numbers[arrays]
    return {
        **facts,
        **numbers,
        "device": jax.devices()[0].device_kind,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }


def write_result(folder: Path, record: dict[str, Any]) -> None:
    """Writes `result.json`, in one go, so that a file that exists is whole."""
    path = folder / "result.json"
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(record, indent=2))
    partial.replace(path)


def _comparable(cfg: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(cfg, resolve=True)
    for key in ("resume", "tracker", "experiment"):
        plain.pop(key, None)
    # Where the data lie does not change what they are, also of data sets in another.
    data = plain["data"]
    inner = {"dataset": data.get("dataset"), **data.get("datasets", {})}
    for each in (data, *inner.values()):
        for key in ("data_dir", "cache_dir") if each else ():
            each.pop(key, None)
    # Nor how the processes of a run find each other, or what else is scored, what it
    # computes.
    for key in ("distributed", "processes", "curves"):
        plain["trainer"].pop(key, None)
    return plain
