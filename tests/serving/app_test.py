"""What the server accepts, and what it refuses."""

import asyncio
import threading

import numpy as np
import pytest
from starlette.testclient import TestClient

from experiments.finished import load_finished
from mtlx.serving.app import make_app
from mtlx.serving.batcher import MicroBatcher
from mtlx.serving.live import live_scorer


@pytest.fixture(scope="module")
def client(run):
    scorer = live_scorer(*load_finished(run.folder)[1:4], sizes=(2, 8))
    with TestClient(make_app(scorer, max_request_rows=20)) as client:
        yield client


def test_one_row_or_many(run, client):
    for rows in (1, 20):
        reply = client.post("/predict", json={"rows": run.rows[:rows]})
        assert reply.status_code == 200
        for task, expected in run.answers.items():
            found = [row[task] for row in reply.json()["rows"]]
            np.testing.assert_allclose(found, expected[:rows], atol=1e-5, rtol=0)


def test_health(client):
    assert client.get("/health").json() == {
        "status": "ok",
        "data": "census_income_sample",
        "tasks": {"income": "binary", "never_married": "binary", "education": "binary"},
    }


@pytest.mark.parametrize(
    "change, place, message",
    [
        ({"age": None}, "age", "valid number"),
        ({"age": "39"}, "age", "valid number"),
        ({"age": True}, "age", "valid number"),
        ({"sex": 1.5}, "sex", "expected text or a whole number, found 1.5"),
        ({"sex": None}, "sex", "expected text or a whole number, found None"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(run, client, change, place, message):
    rows = [run.rows[0], run.rows[1] | change]
    reply = client.post("/predict", json={"rows": rows})
    assert reply.status_code == 422
    (fault,) = reply.json()["detail"]
    assert fault["loc"] == ["body", "rows", 1, place]
    assert message in fault["msg"]


def test_a_missing_column_is_named(run, client):
    row = {name: value for name, value in run.rows[0].items() if name != "race"}
    reply = client.post("/predict", json={"rows": [row]})
    assert reply.status_code == 422
    (fault,) = reply.json()["detail"]
    assert fault["loc"][-1] == "race" and fault["type"] == "missing"


def test_what_the_preprocessing_refuses_is_a_422_too(run, client):
    rows = [run.rows[0] | {"wage_per_hour": -1}]
    reply = client.post("/predict", json={"rows": rows})
    assert reply.status_code == 422
    (fault,) = reply.json()["detail"]
    assert "'wage_per_hour', row 0: expected a number of 0 or more" in fault["msg"]


@pytest.mark.parametrize("body", [{}, {"rows": []}, {"rows": [{}] * 21}, []])
def test_other_bodies_are_refused(client, body):
    assert client.post("/predict", json=body).status_code == 422


def test_requests_at_the_same_time_share_a_pass():
    """The first pass is held until all others wait: those then go together."""
    passes, hold = [], threading.Event()

    def answer(rows):
        passes.append(len(rows))
        if len(passes) == 1:
            assert hold.wait(10)
        return [10 * row for row in rows]

    async def ask():
        async with MicroBatcher(answer, max_rows=4, max_wait=0.0) as batcher:
            first = asyncio.create_task(batcher([0]))
            while not passes:
                await asyncio.sleep(0.001)
            others = [asyncio.create_task(batcher([n, n])) for n in range(1, 4)]
            await asyncio.sleep(0.01)
            hold.set()
            return await asyncio.gather(first, *others)

    assert asyncio.run(ask()) == [[0], [10, 10], [20, 20], [30, 30]]
    assert passes == [1, 4, 2]


def test_a_request_waits_for_others_no_longer_than_it_should():
    passes = []

    def answer(rows):
        passes.append(len(rows))
        return rows

    async def ask():
        async with MicroBatcher(answer, max_rows=2, max_wait=60.0) as batcher:
            await asyncio.gather(batcher([1]), batcher([2]))
        async with MicroBatcher(answer, max_rows=64, max_wait=0.01) as batcher:
            await batcher([3])

    asyncio.run(asyncio.wait_for(ask(), 10))
    assert passes == [2, 1]


def test_an_error_is_that_of_its_request():
    def answer(rows):
        if "bad" in rows:
            raise ValueError("found bad")
        return rows

    async def ask():
        async with MicroBatcher(answer, max_rows=3, max_wait=60.0) as batcher:
            asked = [batcher([row]) for row in ("a", "bad", "b")]
            return await asyncio.gather(*asked, return_exceptions=True)

    first, error, last = asyncio.run(ask())
    assert (first, last) == (["a"], ["b"])
    assert str(error) == "found bad"


def test_what_waits_is_answered_before_the_end():
    async def ask():
        async with MicroBatcher(lambda rows: rows, 8, 60.0) as batcher:
            task = asyncio.create_task(batcher([1]))
            await asyncio.sleep(0)
        return await task

    assert asyncio.run(asyncio.wait_for(ask(), 10)) == [1]


@pytest.mark.parametrize("options", [(0, 0.0), (1, -1.0)])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="expected|Expected max_rows"):
        MicroBatcher(lambda rows: rows, *options)
