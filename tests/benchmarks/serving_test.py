"""The clients of the serving benchmark ask what they say they ask."""

import collections
import http.server
import json
import threading

import numpy as np

from benchmarks.rounds import RESULTS
from benchmarks.serving import summarise, table, take
from benchmarks.serving_clients import as_rows, load
from mtlx.data.categorical import Categorical

COLUMNS = {
    "name": Categorical.of(np.array(["b", "a", "b"])),
    "age": np.array([1.0, 2.0, 3.0]),
}


def test_the_page_shows_what_was_measured():
    figures = json.loads((RESULTS / "serving.json").read_text())
    page = (RESULTS.parents[1] / "docs" / "serving.md").read_text()
    assert table(figures) in page
    assert max(figures["largest_difference"].values()) < 1e-5


def test_a_body_for_each_row():
    bodies = [json.loads(body) for body in as_rows(take(COLUMNS, 2))]
    assert bodies == [
        {"rows": [{"name": "b", "age": 1.0}]},
        {"rows": [{"name": "a", "age": 2.0}]},
    ]


def test_every_client_sends_its_share_and_all_are_timed():
    seen = collections.Counter()

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            seen[self.rfile.read(int(self.headers["Content-Length"]))] += 1
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        rows = as_rows(COLUMNS)
        port = server.server_address[1]
        figures = summarise([load(port, rows, clients=3, requests=12)])
        server.shutdown()
        thread.join()
    assert seen.total() == 20 + 12  # those of the warm-up are not timed
    assert set(seen) == set(rows)
    assert 0 < figures["p50"] <= figures["p95"] <= figures["p99"]
    assert figures["rows_per_second"] > 0
