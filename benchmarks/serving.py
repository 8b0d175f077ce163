"""How long does an answer take?  python -m benchmarks.serving RUN_FOLDER

Four ways to the answers of one run: the model itself on prepared features, a scorer on
raw rows (as `experiments.predict`), the exported artifact, and HTTP on loopback. The
first three are timed by turns on one row and on many; their answers and those of the
server are held against the model's. The server is a process of its own; clients are
threads with a connection each that send one row a request, one after another: latency
percentiles and rows/s by the number of clients, with and without micro-batches.
"""

import argparse
import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rounds import interleave, save, spread
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


def main() -> None:
    """Writes benchmarks/results/serving.json."""
    options = _parser().parse_args()
    keep_compiled()
    run = load_finished(options.run)
    columns = read_rows(options.input, run.signature.preprocessing.kinds)
    figures = {"data": run.signature.data, "model": run.origin["model"]}
    figures |= time_paths(run, columns, options.rounds)
    rows = as_rows(columns)
    figures["http"] = {}
    for name, (max_rows, max_wait) in BATCHING.items():
        with server(run.folder, max_rows, max_wait) as port:
            figures["http"][name] = {
                clients: load(port, rows, clients, options.requests)
                for clients in options.clients
            }
    print(json.dumps(figures, indent=1))
    print(save("serving", figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("input", type=Path, help="raw rows, .parquet or .csv")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=600, help="in all, of a cell")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    return parser


def time_paths(run: Finished, columns: Columns, rounds: int) -> dict[str, Any]:
    """Milliseconds on one row and on all, and the largest difference of answers."""
    artifact = write_artifact(
        run.folder / "artifact",
        run.signature,
        make_answer(run.model, run.signature.tasks),
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
        "largest_difference": max(
            float(np.abs(found[task] - expected[task]).max()) for task in expected
        ),
    }


def take(columns: Columns, rows: int) -> Columns:
    """The first rows."""
    return {
        name: c.take(np.arange(rows)) if isinstance(c, Categorical) else c[:rows]
        for name, c in columns.items()
    }


def as_rows(columns: Columns) -> list[bytes]:
    """A request's body for each row."""
    values = {
        name: c.values[c.codes].tolist() if isinstance(c, Categorical) else c.tolist()
        for name, c in columns.items()
    }
    return [
        json.dumps({"rows": [dict(zip(values, row, strict=True))]}).encode()
        for row in zip(*values.values(), strict=True)
    ]


@contextlib.contextmanager
def server(run: Path, max_rows: int, max_wait: float) -> Iterator[int]:
    """A server of the run; its port, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "experiments.serve", f"run={run}", f"port={port}"]
    command += [f"max_rows={max_rows}", f"max_wait_ms={max_wait}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(
                    f"The server ended with status {process.returncode}."
                )
            with contextlib.suppress(ConnectionError):
                http.client.HTTPConnection("127.0.0.1", port).request("GET", "/health")
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def load(port: int, rows: list[bytes], clients: int, requests: int) -> dict[str, float]:
    """Latency percentiles in milliseconds, and rows/s, after a warm-up."""
    ask(port, rows, 20, [])
    each, found = requests // clients, [[] for _ in range(clients)]
    threads = [
        threading.Thread(target=ask, args=(port, rows[n:] + rows[:n], each, found[n]))
        for n in range(clients)
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    latencies = 1e3 * np.concatenate(found)
    if len(latencies) != each * clients:
        raise RuntimeError(f"{len(latencies)} of {each * clients} requests answered.")
    percentiles = {f"p{p}": float(np.percentile(latencies, p)) for p in (50, 95, 99)}
    return percentiles | {"rows_per_second": len(latencies) / seconds}


def ask(port: int, rows: list[bytes], requests: int, latencies: list[float]) -> None:
    """Requests of a row each, one after another, on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json"}
    for number in range(requests):
        begin = time.perf_counter()
        connection.request("POST", "/predict", rows[number % len(rows)], headers)
        reply = connection.getresponse()
        reply.read()
        if reply.status != 200:
            raise RuntimeError(f"Expected status 200, found {reply.status}.")
        latencies.append(time.perf_counter() - begin)
    connection.close()


if __name__ == "__main__":
    main()
