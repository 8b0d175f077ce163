"""Queries and brands: their grades, and that a query is on one side of the split."""

import functools
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx import listwise
from mtlx.data import DataError, TextTokenizer, esci_query_brand
from mtlx.data.builders.esci_format import GRADES, PAIRS, parse_esci
from mtlx.data.builders.esci_source import FILE
from tests.data.tiny_source import as_text, publish

TOKENIZER = functools.partial(TextTokenizer.fit, length=3)


def pair(number, **fields):
    """Four brands for each of 30 queries; brand 7 is of query 3 alone."""
    query, place = divmod(number, 4)
    return {
        "query": f'query{query} 9" tv',
        "brand": f"Brand{7 if number == 12 else place}",
        "label": GRADES[(query + place) % 4],
        "established": "1",
    } | fields


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    content = as_text(PAIRS, [pair(number) for number in range(120)])
    folder = publish(monkeypatch, tmp_path / "raw", "esci_query_brand", {FILE: content})
    return functools.partial(
        esci_query_brand, tokenizer=TOKENIZER, data_dir=folder, cache_dir=tmp_path
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_query_is_on_one_side(pairs, seed):
    data = pairs(split_seed=seed)
    assert [len(s.labels["exact"]) for s in data[3:6]] == [84, 16, 20]
    queries = [set(s.groups.tolist()) for s in (data.validation, data.test)]
    assert not queries[0] & queries[1]
    assert [len(of) for of in queries] == [4, 5]
    # Its first word is that of the query alone: no test query has been read before.
    assert np.all(data.train.features["query"][:, 0] > 0)
    assert np.all(data.test.features["query"][:, 0] == 0)
    assert np.all(data.test.features["query"][:, 1] > 0)


def test_grades_follow_their_pairs(pairs):
    data = pairs()
    _, query = np.unique(data.test.groups, return_inverse=True)
    relevance, exact = (data.test.labels[task] for task in ("relevance", "exact"))
    np.testing.assert_array_equal(exact, relevance == 0)
    for number in range(5):  # of four brands, each grade once, in turns
        grades = relevance[query == number]
        np.testing.assert_array_equal(np.diff(grades) % 4, [1, 1, 1])


def test_brands_of_the_training_split_have_ids(pairs):
    for seed in range(4):
        data = pairs(split_seed=seed)
        in_training = (
            len(data.train.labels["exact"])
            - (data.train.features["categorical"] <= 4).sum()
        )
        held_out = (data.test.features["categorical"] == 0).sum()
        held_out += (data.validation.features["categorical"] == 0).sum()
        assert in_training + held_out == 1  # brand 7
        assert data.schema.cardinalities == (5 + in_training,)
    assert [field.name for field in data.schema.fields] == ["query", "brand_text"]


@pytest.mark.parametrize("tasks", [["price"], [], ["exact", "exact"]])
def test_unknown_repeated_or_no_tasks_are_refused(tasks):
    with pytest.raises(ValueError, match="expected tasks to be .*Mend data.tasks"):
        esci_query_brand(tasks=tasks)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            pair(1, label="exact"),
            r"line 3, column 3 \(label\): expected one of Exact, .*found 'exact'",
        ),
        (
            pair(1, established="yes"),
            r"line 3, column 4 \(established\): expected 0 or 1, found 'yes'",
        ),
        (pair(1, brand="a\tb"), "line 3: expected 4 fields, found 5"),
    ],
)
def test_a_damaged_pair_is_named(row, message):
    with pytest.raises(DataError, match=f"{FILE}, {message}"):
        list(parse_esci(as_text(PAIRS, [pair(0), row]), Path(FILE)))


def test_a_file_that_is_nowhere_is_not_downloaded(tmp_path):
    with pytest.raises(DataError, match="found none. It is not downloaded: fetch it"):
        esci_query_brand(data_dir=tmp_path)


@pytest.mark.full_data
def test_published_facts(full_data_dir):
    data = esci_query_brand(data_dir=full_data_dir)
    splits = data[3:6]
    assert sum(len(split.labels["exact"]) for split in splits) == 2_623
    grades = sum(
        np.bincount(split.labels["relevance"], minlength=4) for split in splits
    )
    assert grades.tolist() == [1904, 508, 35, 176]
    held_out = [set(split.groups.tolist()) for split in splits[1:]]
    assert not held_out[0] & held_out[1]


def test_gains_are_ordered_within_a_query(pairs):
    data = pairs(tasks=["gain", "exact"], ranking_loss="approx_ndcg")
    ranking = data.tasks[0]
    assert ranking.loss is listwise.approx_ndcg and ranking.metrics[0] == "list_ndcg"
    assert len(np.unique(data.train.groups)) == 21
    for split in data[3:6]:
        gains = split.labels["gain"]
        np.testing.assert_array_equal(split.labels["exact"], gains == 1)
        for group in np.unique(split.groups):
            found = np.sort(gains[split.groups == group])
            np.testing.assert_allclose(found, [0, 0.01, 0.1, 1])
    assert pairs().train.groups is None
    with pytest.raises(ValueError, match="expected ranking_loss .*found 'pairwise'"):
        pairs(ranking_loss="pairwise")


def test_the_option_composes_and_a_step_ranks(pairs):
    options = ["data=esci_query_brand", "trainer=smoke", "model=shared_bottom"]
    options += ["data.tasks=[gain,relevance]", "data.tokenizer.length=3"]
    options += [f"data.data_dir={pairs.keywords['data_dir']}"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    result = parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        **{"epochs": 1, "batch_size": 42},
    )
    assert int(result.state.step) == 2 and not result.diverged
    # Of four brands in any order: a gain of 1 in the last place, to all in the best.
    assert 0.4 < result.test["gain"]["list_ndcg"] <= 1
