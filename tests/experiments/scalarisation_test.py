"""Tuned weights: chosen on validation, tested, and what beats them."""

import numpy as np
import pandas as pd
import pytest

from experiments import scalarisation
from experiments.study_page import BEGIN, END
from mtlx.results.pareto_plot import draw_pareto
from mtlx.results.scalarisation import (
    FIXED,
    TUNED,
    choose_weights,
    front,
    headline_runs,
    signs,
    with_tuned,
)
from mtlx.results.store import load_study
from tests.results import made_up

TASKS = {
    "income": {"kind": "binary", "metrics": ["auc", "log_loss"]},
    "age": {"kind": "regression", "metrics": ["rmse"]},
}
# weights: (AUC, RMSE) on validation, and the opposite order on test.
WEIGHTS = {
    "[1,1]": ((0.80, 10.0), (0.95, 8.0)),
    "[.5,1.5]": ((0.84, 10.1), (0.90, 9.0)),
    "[1.5,.5]": ((0.81, 10.2), (0.93, 9.5)),
}


def scores(auc, rmse, seed):
    step = 0.001 * seed
    return {
        "income": {"auc": auc + step, "log_loss": 0.2},
        "age": {"rmse": rmse + step},
    }


@pytest.fixture
def study(tmp_path):
    made = made_up.StudyFactory(tmp_path / "pub")
    for model in ("mmoe", "ple"):
        for seed in range(3):
            for weights, (validation, test) in WEIGHTS.items():
                made.run(
                    model,
                    FIXED,
                    seed,
                    tasks=TASKS,
                    folder=f"{model}/{weights}/{seed}",
                    overrides=[f"balancer.weights={weights}"],
                    test=scores(*test, seed),
                    validation=scores(*validation, seed),
                )
            for balancer, pair in (("equal", (0.80, 9.0)), ("pcgrad", (0.90, 9.0))):
                made.run(model, balancer, seed, tasks=TASKS, test=scores(*pair, seed))
    return load_study(made.path)


def data_of(study):
    (data,) = study.tasks
    return data


def test_weights_are_chosen_on_validation_and_then_tested(study):
    """Of the largest mean relative gain, though others are better on the test."""
    data = data_of(study)
    chosen = choose_weights(study, data)
    assert all("[.5,1.5]" in method for method in chosen.values())
    rows = with_tuned(study, data)
    assert list(rows["method"].unique()) == [TUNED, "equal", "pcgrad"]
    tuned = rows[(rows["method"] == TUNED) & (rows["model"] == "ple")]
    np.testing.assert_allclose(tuned["income"], 0.9 + 0.001 * np.arange(3))
    assert len(rows) == 2 * 3 * 3


def test_a_study_without_fixed_weights_is_refused(study, tmp_path):
    alone = study._replace(runs=study.runs[study.runs["balancer"] != FIXED])
    with pytest.raises(ValueError, match="Sweep balancer.weights"):
        choose_weights(alone, data_of(study))


def test_the_front_is_what_nothing_beats():
    points = np.array([[1.0, 1.0], [2.0, 0.5], [0.5, 3.0], [0.9, 1.0], [2.0, 0.5]])
    expected = [not any(all(o >= p) and any(o > p) for o in points) for p in points]
    np.testing.assert_array_equal(front(points, np.array([1, 1])), expected)
    assert front(points, np.array([1, 1])).tolist() == [True, True, True, False, True]
    less = front(points * [1, -1], np.array([1, -1]))
    assert less.tolist() == expected


def test_signs_and_headlines(study):
    data = data_of(study)
    assert signs(study, data).tolist() == [1, -1]
    rows = headline_runs(study, data, "validation")
    assert set(rows.columns) == {"model", "balancer", "method", "seed", "income", "age"}


def test_the_page_marks_what_differs_from_tuned_weights(study, tmp_path):
    page = tmp_path / "pub.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    assert scalarisation.main([str(study.path), str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n") and "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| equal")]
    assert len(rows) == 2
    assert "0.8010 ± 0.0025 ▼" in rows[0] and rows[0].count("▼") == 1
    (tuned, *_) = (line for line in text.splitlines() if line.startswith(f"| {TUNED}"))
    assert "▲" not in tuned and "▼" not in tuned and "0.9010 ± 0.0025" in tuned
    assert (tmp_path / "pub" / "pareto.png").stat().st_size > 1000
    assert len(pd.read_csv(tmp_path / "pub" / "runs.csv")) == 18


def test_a_picture_has_two_tasks(study):
    data = data_of(study)
    figure = draw_pareto(study, data, "Title")
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["mmoe", "ple"]
    three = study._replace(tasks={data: {**TASKS_OF_THREE}})
    with pytest.raises(ValueError, match="two tasks"):
        draw_pareto(three, data, "Title")


TASKS_OF_THREE = {"income": ("auc",), "age": ("rmse",), "married": ("auc",)}
