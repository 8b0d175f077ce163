"""Times several functions in turn, A B C A B C ..., so that drift hits all alike."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import jax

RESULTS = Path(__file__).resolve().parent / "results"


def interleave(
    functions: Mapping[str, Callable[[], Any]], rounds: int, repeat: int = 1
) -> dict[str, list[float]]:
    """Seconds a call of each function, one list entry a round.

    Every function is called twice before the first round. A round calls each function
    `repeat` times and waits for its result.
    """
    for function in functions.values():
        jax.block_until_ready(function())
        jax.block_until_ready(function())
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            begin = time.perf_counter()
            for _ in range(repeat):
                result = function()
            jax.block_until_ready(result)
            seconds[name].append((time.perf_counter() - begin) / repeat)
    return seconds


def spread(values: list[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {
        "median": statistics.median(values),
        "lowest": min(values),
        "highest": max(values),
    }


def save(name: str, figures: dict[str, Any]) -> Path:
    """Writes the figures with the machine and the date that they hold for.

    Those of an accelerator go to NAME_DEVICE.json, beside the CPU's NAME.json.
    """
    record = {
        "date": date.today().isoformat(),
        "device": jax.devices()[0].device_kind,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "jax": jax.__version__,
        **figures,
    }
    RESULTS.mkdir(exist_ok=True)
    if jax.default_backend() != "cpu":
        name = f"{name}_{record['device'].lower().replace(' ', '_')}"
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    return path
