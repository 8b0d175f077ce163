"""Disjoint groups of many tasks: against all partitions, and known clusters."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mtlx.results.agreement import adjusted_rand, agreement, contrast
from mtlx.results.task_groups import group_tasks
from mtlx.results.task_partition import partition_tasks


def score_of(affinity, of, alone):
    """The sum over tasks of the mean affinity of the others in its group."""
    total = 0.0
    for task, group in enumerate(of):
        others = [i for i, g in enumerate(of) if g == group and i != task]
        total += affinity[others, task].mean() if others else alone
    return total


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("num_groups", "max_size", "alone"),
    [(1, None, 0.0), (2, None, 0.1), (3, 3, -0.2), (5, None, 0.4)],
)
def test_small_searches_find_the_best_of_all_partitions(
    seed, num_groups, max_size, alone
):
    affinity = np.random.default_rng(seed).normal(0, 0.3, (5, 5))
    found = partition_tasks(affinity, num_groups, max_size, alone)
    most = max_size or 5
    best = max(
        score_of(affinity, of, alone)
        for of in itertools.product(range(num_groups), repeat=5)
        if max(map(of.count, of)) <= most
    )
    assert found.score == pytest.approx(best, abs=1e-9)
    assert found.score == pytest.approx(score_of(affinity, found.served_by, alone))
    assert sorted(t for group in found.groups for t in group) == list(range(5))
    assert max(map(len, found.groups)) <= most
    assert len(found.groups) <= num_groups
    # Groups that may overlap are no worse, and nothing else is asked of them.
    assert group_tasks(affinity, num_groups, max_size, alone).score >= best - 1e-9


def planted(sizes, noise, seed=0):
    of = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    together = (of[:, None] == of).astype(float)
    return of, together - 0.5 + rng.normal(0, noise, together.shape)


def test_clusters_among_139_tasks_are_found_again():
    of, affinity = planted((70, 40, 29), noise=0.5)
    found = partition_tasks(affinity, 3, starts=5)
    assert adjusted_rand(found.served_by, of) == 1.0


def test_a_start_is_repeated_and_no_more_starts_are_worse():
    affinity = np.random.default_rng(1).normal(0, 1, (20, 20))
    one, same = (partition_tasks(affinity, 4, starts=1, seed=3) for _ in range(2))
    assert one == same
    assert partition_tasks(affinity, 4, starts=30, seed=3).score >= one.score


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_groups": 0}, "room for 5 tasks"),
        ({"num_groups": 2, "max_size": 2}, "2 groups of at most 2"),
        ({"num_groups": 2, "starts": 0}, "starts >= 1, found 0"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        partition_tasks(np.zeros((5, 5)), **options)


@pytest.mark.parametrize("seed", range(5))
def test_the_index_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(4, size=30), rng.integers(3, size=30)
    expected = adjusted_rand_score(first, second)
    assert adjusted_rand(first, second) == pytest.approx(expected, abs=1e-12)
    assert adjusted_rand(first, first) == 1.0
    with pytest.raises(ValueError, match="found 30 and 29"):
        adjusted_rand(first, second[1:])


def test_the_p_value_counts_the_relabellings_that_agree_as_much():
    """Of four things in two pairs, a third of all labellings are the known one."""
    exact = agreement([0, 0, 1, 1], [7, 7, 9, 9])
    assert exact.index == 1.0 and exact.p_value == pytest.approx(1 / 3, abs=0.02)
    assert agreement([0, 1, 0, 1], [7, 7, 9, 9]).p_value == 1.0
    known = np.repeat([0, 1], 8)
    assert agreement(known, known).p_value < 0.001


def test_the_contrast_is_of_the_pairs_within_and_between():
    of, affinity = planted((4, 3), noise=2.0)
    off, same = ~np.eye(7, dtype=bool), of[:, None] == of
    found = contrast(affinity, of)
    assert found.within == pytest.approx(affinity[same & off].mean())
    assert found.between == pytest.approx(affinity[~same].mean())
    everything = [np.array(p) for p in set(itertools.permutations(of.tolist()))]
    means = [affinity[(p[:, None] == p) & off].mean() for p in everything]
    exact = np.mean(np.array(means) >= found.within - 1e-12)
    assert found.p_value == pytest.approx(exact, abs=0.02)
    assert contrast(planted((4, 4), 0.01)[1], np.repeat([0, 1], 4)).p_value < 0.05
    with pytest.raises(ValueError, match=r"found clusters of \[7\]"):
        contrast(affinity, np.zeros(7, int))
