"""How long does an answer take?  python -m benchmarks.serving RUN INPUT

Four ways to the answers of one run: the model itself on prepared features, a scorer on
raw rows (as `experiments.predict`), the exported artifact, and HTTP on loopback. The
first three are timed by turns on one row and on many; their answers and those of the
server are held against the model's. The server is a process of its own; clients are
threads with a connection each that send one row a request, one after another: latency
percentiles and rows/s by the number of clients, with and without micro-batches. The
servers take turns, too.
"""

import argparse
import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rounds import interleave, save, spread
from benchmarks.serving_clients import (
    as_rows,
    difference,
    largest_difference,
    load,
    server,
)
from experiments.finished import Finished, load_finished
from experiments.startup import keep_compiled
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.raw_rows import read_rows
from mtlx.serving.answers import make_answer
from mtlx.serving.artifact import load_artifact, write_artifact
from mtlx.serving.live import live_scorer

# max_rows, max_wait_ms
BATCHING = {
    "each alone": (1, 0.0),
    "batches of what is there": (64, 0.0),
    "batches after 2 ms": (64, 2.0),
}
SIZES = (1, 8, 64, 512)
PATHS = ("model, features", "predict, raw rows", "artifact, raw rows")


def main() -> None:
    """Writes benchmarks/results/serving.json."""
    options = _parser().parse_args()
    keep_compiled()
    run = load_finished(options.run)
    columns = read_rows(options.input, run.signature.preprocessing.kinds)
    figures = {"data": run.signature.data, "model": run.origin["model"]}
    figures |= time_paths(run, columns, options.rounds)
    expected = figures.pop("answers")
    rows = as_rows(columns)
    with contextlib.ExitStack() as servers:
        ports = {
            name: servers.enter_context(server(run.folder, *batching))
            for name, batching in BATCHING.items()
        }
        figures["largest_difference"] |= {
            f"http, {name}": difference(port, rows, expected)
            for name, port in ports.items()
        }
        figures["http"] = time_servers(ports, rows, options)
    print(save("serving", figures))
    print(table(figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("input", type=Path, help="raw rows, .parquet or .csv")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--requests", type=int, default=96, help="in all, of a cell a round"
    )
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    return parser


def time_paths(run: Finished, columns: Columns, rounds: int) -> dict[str, Any]:
    """Milliseconds on one row and on all, and the largest difference of answers."""
    artifact = write_artifact(
        run.folder / "artifact",
        run.signature,
        make_answer(run.model, run.signature),
        run.variables,
    )
    live = live_scorer(run.model, run.variables, run.signature, SIZES)
    exported = load_artifact(artifact, SIZES).scorer
    encode = run.signature.preprocessing.encode
    one, features = take(columns, 1), encode(columns)
    first = {name: x[:1] for name, x in features.items()}
    expected = live.score(features)
    found = exported(columns)
    functions = {
        "model, features": {
            "one": lambda: live.score(first),
            "all": lambda: live.score(features),
        },
        "predict, raw rows": {"one": lambda: live(one), "all": lambda: live(columns)},
        "artifact, raw rows": {
            "one": lambda: exported(one),
            "all": lambda: exported(columns),
        },
    }
    seconds = interleave(
        {
            f"{path}: {rows}": f
            for path, of in functions.items()
            for rows, f in of.items()
        },
        rounds,
    )
    return {
        "rows": len(next(iter(features.values()))),
        "milliseconds": {
            name: {key: 1e3 * value for key, value in spread(values).items()}
            for name, values in seconds.items()
        },
        "largest_difference": {"artifact": largest_difference(found, expected)},
        "answers": expected,
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as docs/serving.md shows them."""
    many = figures["rows"]
    lines = [f"| path | 1 row, ms | {many} rows, ms |", "| --- | ---: | ---: |"]
    for path in PATHS:
        one, all_rows = (
            figures["milliseconds"][f"{path}: {rows}"]["median"]
            for rows in ("one", "all")
        )
        lines.append(f"| {path} | {one:.2f} | {all_rows:.2f} |")
    lines += ["", "| server | clients | p50, ms | p95 | p99 | rows/s |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, cells in figures["http"].items():
        for clients, cell in cells.items():
            p50, p95, p99 = (f"{cell[p]:.1f}" for p in ("p50", "p95", "p99"))
            speed = f"{cell['rows_per_second']:.0f}"
            lines.append(f"| {name} | {clients} | {p50} | {p95} | {p99} | {speed} |")
    return "\n".join(lines)


def time_servers(
    ports: dict[str, int], rows: list[bytes], options: argparse.Namespace
) -> dict[str, dict[int, dict[str, float]]]:
    """Server -> clients -> latencies in milliseconds and rows/s over all rounds."""
    cells = {name: {clients: [] for clients in options.clients} for name in ports}
    for _ in range(options.rounds):
        for clients in options.clients:
            for name, port in ports.items():
                cells[name][clients].append(load(port, rows, clients, options.requests))
    return {
        name: {clients: summarise(rounds) for clients, rounds in of.items()}
        for name, of in cells.items()
    }


def summarise(rounds: list[tuple[np.ndarray, float]]) -> dict[str, float]:
    """Percentiles of all latencies, and rows over all seconds."""
    latencies = np.concatenate([latencies for latencies, _ in rounds])
    percentiles = {f"p{p}": float(np.percentile(latencies, p)) for p in (50, 95, 99)}
    seconds = sum(seconds for _, seconds in rounds)
    return percentiles | {"rows_per_second": len(latencies) / seconds}


def take(columns: Columns, rows: int) -> Columns:
    """The first rows."""
    return {
        name: c.take(np.arange(rows)) if isinstance(c, Categorical) else c[:rows]
        for name, c in columns.items()
    }


if __name__ == "__main__":
    main()
