"""A server of its own, and clients that ask it."""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Categorical, Columns


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


def load(
    port: int, rows: list[bytes], clients: int, requests: int
) -> tuple[np.ndarray, float]:
    """Latencies in milliseconds, and seconds in all, after a warm-up."""
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
    return latencies, seconds


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


def difference(port: int, rows: list[bytes], expected: dict[str, np.ndarray]) -> float:
    """Of the server's answers to all rows, asked for in one request."""
    body = {"rows": [row for each in rows for row in json.loads(each)["rows"]]}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/predict", json.dumps(body), headers)
    answers = json.load(connection.getresponse())["rows"]
    connection.close()
    found = {task: np.array([answer[task] for answer in answers]) for task in expected}
    return largest_difference(found, expected)


def largest_difference(
    found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> float:
    """Of all answers to all tasks."""
    return max(float(np.abs(found[task] - expected[task]).max()) for task in expected)
