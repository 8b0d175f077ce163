"""Groups of tasks: against all choices there are, and their map."""

import itertools

import numpy as np
import pytest

from mtlx.results import style
from mtlx.results.affinity_plot import draw_affinity
from mtlx.results.task_groups import group_tasks


def best_by_trying(affinity, num_groups, max_size, alone):
    """The highest sum over tasks of the best mean affinity in a chosen group."""
    tasks = len(affinity)
    groups = [
        group
        for size in range(1, max_size + 1)
        for group in itertools.combinations(range(tasks), size)
    ]
    best = -np.inf
    for count in range(1, num_groups + 1):
        for chosen in itertools.combinations(groups, count):
            values = np.full(tasks, -np.inf)
            for group in chosen:
                for j in group:
                    others = [affinity[i, j] for i in group if i != j]
                    value = np.mean(others) if others else alone
                    values[j] = max(values[j], value)
            best = max(best, values.sum())
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("num_groups", "max_size", "alone"), [(1, 4, 0.0), (2, 4, 0.1), (3, 2, -0.2)]
)
def test_the_choice_is_the_best_of_all(seed, num_groups, max_size, alone):
    affinity = np.random.default_rng(seed).normal(0, 0.3, (4, 4))
    found = group_tasks(affinity, num_groups, max_size, alone)
    expected = best_by_trying(affinity, num_groups, max_size, alone)
    assert found.score == pytest.approx(expected, abs=1e-9)
    assert len(found.groups) <= num_groups
    assert max(map(len, found.groups)) <= max_size
    for task, number in enumerate(found.served_by):
        group = found.groups[number]
        others = [affinity[i, task] for i in group if i != task]
        assert task in group
        assert found.affinity[task] == pytest.approx(np.mean(others or [alone]))
    assert found.score == pytest.approx(sum(found.affinity))


def test_a_task_may_help_in_a_group_that_does_not_serve_it():
    """Task 1 helps 0 and 2, which harm one another; it is served with 0."""
    affinity = np.array([[0.0, 0.3, -1.0], [0.5, 0.0, 0.4], [-1.0, 0.1, 0.0]])
    found = group_tasks(affinity, 2)
    assert found.groups == ((0, 1), (1, 2))
    assert found.served_by == (0, 0, 1)
    assert found.affinity == pytest.approx((0.5, 0.3, 0.4))


def test_the_diagonal_is_not_read():
    affinity = np.full((3, 3), 0.1) + np.diag([np.pi, 9.0, -5.0])
    assert group_tasks(affinity, 2).score == pytest.approx(0.3)


def test_what_is_harmed_by_all_is_alone():
    affinity = np.full((4, 4), 0.2)
    affinity[:, 3] = affinity[3] = -0.1
    assert group_tasks(affinity, 2).groups == ((0, 1, 2), (3,))
    # Unless being alone is worse, as with too few networks to go round.
    assert group_tasks(affinity, 1).groups == ((0, 1, 2, 3),)


@pytest.mark.parametrize(
    ("affinity", "options", "message"),
    [
        (np.zeros((2, 3)), {"num_groups": 1}, r"finite affinities .* \(2, 3\)"),
        (np.full((2, 2), np.nan), {"num_groups": 1}, "with 4 that are not finite"),
        (np.zeros((3, 3)), {"num_groups": 0}, "room for 3 tasks, found 0 groups"),
        (np.zeros((5, 5)), {"num_groups": 2, "max_size": 2}, "found 2 groups of at"),
        (np.zeros((20, 20)), {"num_groups": 3}, "found 1048575 of 20 tasks .*max_size"),
    ],
)
def test_refusals(affinity, options, message):
    with pytest.raises(ValueError, match=message):
        group_tasks(affinity, **options)


def test_the_map_leaves_the_diagonal_out_and_goes_by_the_order():
    affinity = np.array([[9.0, 0.2, -0.1], [0.3, 9.0, 0.0], [-0.4, 0.1, 9.0]])
    with style.look():
        figure = draw_affinity(affinity, ("a", "b", "c"), "title", order=(2, 0, 1))
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["c", "a", "b"]
    shown = np.asarray(axis.images[0].get_array())
    expected = [[np.nan, -0.4, 0.1], [-0.1, np.nan, 0.2], [0.0, 0.3, np.nan]]
    np.testing.assert_allclose(shown, expected)
    assert axis.images[0].get_clim() == (-0.4, 0.4)
    assert "-100" in [text.get_text() for text in axis.texts]
