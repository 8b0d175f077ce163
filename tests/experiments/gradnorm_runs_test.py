"""Runs of GradNorm's toy: several at once are each by itself."""

import numpy as np
import pytest

from experiments.gradnorm_runs import gradnorm_runs
from experiments.reproduce_spec import load_spec
from mtlx.problems import wide_scales


def short(seeds, tasks=2, steps=200, method="gradnorm"):
    settings = {"alpha": 0.12} if method == "gradnorm" else {}
    return gradnorm_runs(
        method, seeds, tasks=tasks, steps=steps, record_every=100, **settings
    )


@pytest.fixture(scope="module")
def pair():
    return short([3, 0])


def _series(outcome, split, task, metric):
    key = (split, task, metric)
    return {r.step: r.value for r in outcome.history if r[2:5] == key}


def test_gradnorm_gives_the_weight_to_the_small_task(pair):
    for run in pair:
        end = run.test["end"]
        assert end["share_1"] > 0.7 and end["share_1"] + end["share_2"] == 1.0
        assert end["score"] == pytest.approx(end["ratio_1"] + end["ratio_2"])


def test_a_run_is_the_same_alone(pair):
    (alone,) = short([0])
    for name, value in alone.test["end"].items():
        assert pair[1].test["end"][name] == pytest.approx(value, rel=1e-3)
    assert pair[0].test["end"]["score"] != pair[1].test["end"]["score"]


def test_the_history_ends_where_the_scores_are(pair):
    score = _series(pair[0], "test", "all", "score")
    assert list(score) == [0, 100, 200] and score[0] == 2.0
    assert score[200] == pair[0].test["end"]["score"]
    weights = [_series(pair[0], "train", f"task_{i}", "weight") for i in (1, 2)]
    assert list(weights[0]) == [100, 200]
    assert weights[0][200] == pytest.approx(2 * pair[0].test["end"]["share_1"])
    assert weights[0][100] + weights[1][100] == pytest.approx(2.0)
    ratio = _series(pair[0], "test", "task_2", "relative_loss")
    assert ratio[200] == pair[0].test["end"]["ratio_2"]


def test_ten_tasks_start_at_ten():
    (run,) = short([0], tasks=10, steps=100, method="equal")
    score = _series(run, "test", "all", "score")
    assert score[0] == pytest.approx(10.0) and score[100] < 10.0
    assert run.test["end"]["share_10"] == pytest.approx(0.1)


def test_the_table_of_ten_names_the_scales_that_are_drawn():
    """Labels of its lines, in order of size, and the task that two columns are of."""
    scales = np.asarray(wide_scales(10))
    (picture,) = load_spec("gradnorm/toy10").pictures
    tasks = picture.panels[1].tasks
    named = {int(task[5:]) - 1: float(label[4:]) for label, task in tasks.items()}
    np.testing.assert_allclose([named[i] for i in range(10)], scales, rtol=5e-4)
    assert list(named) == list(np.argsort(scales)) and list(named)[0] == 3
