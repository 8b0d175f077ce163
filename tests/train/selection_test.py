"""Which epoch a run keeps."""

import jax.numpy as jnp
import pytest

from mtlx.tasks import Task
from mtlx.train.selection import Selection

TASKS = (Task("stars", "regression"),)


def after(keep):
    selection = Selection.start(TASKS, {"w": jnp.zeros(())}, keep)
    for epoch, error in enumerate((1.0, 0.5, 0.8), start=1):
        scores = {"stars": {"rmse": error, "mae": error}}
        selection = selection.update(epoch, scores, {"w": jnp.float32(epoch)})
    return selection


@pytest.mark.parametrize(
    "keep, epoch, error", [("best", 2, 0.5), ("best_mean", 2, 0.5), ("last", 3, 0.8)]
)
def test_the_best_or_the_last(keep, epoch, error):
    found = after(keep)
    assert (found.epoch, found.scores["stars"]["rmse"]) == (epoch, error)
    assert found.variables["w"] == epoch
    again = Selection.start(TASKS, None, keep).restored(found.variables, found.record())
    assert again.update(4, found.scores, found.variables).epoch == (
        4 if keep == "last" else 2
    )


def test_a_task_that_is_only_scored_has_no_say():
    tasks = (*TASKS, Task("views", "regression"))
    chosen = []
    for untrained in ((), ("views",)):
        selection = Selection.start(tasks, None, untrained=untrained)
        for epoch, (stars, views) in enumerate(((1.0, 1.0), (0.9, 5.0)), start=1):
            scores = {"stars": {"rmse": stars}, "views": {"rmse": views}}
            selection = selection.update(epoch, scores, None)
        chosen.append(selection.epoch)
    assert chosen == [1, 2]


def test_a_metric_that_begins_at_zero_decides_for_the_relative_score_alone():
    """Of a rare class a first F1 of 0 is the rule, and any gain over it is endless."""
    tasks = tuple(Task(name, "binary", metrics=("f1",)) for name in ("rare", "often"))
    epochs = ((0.0, 0.5), (0.1, 0.4), (0.05, 0.9), (float("nan"), 0.4))
    chosen = []
    for keep in ("best", "best_mean"):
        selection = Selection.start(tasks, None, keep)
        for epoch, (rare, often) in enumerate(epochs, start=1):
            scores = {"rare": {"f1": rare}, "often": {"f1": often}}
            selection = selection.update(epoch, scores, None)
        chosen.append((selection.epoch, selection.score))
    assert chosen[0][0] == 2
    assert chosen[1] == (3, pytest.approx((0.05 + 0.9) / 2))


def test_another_rule_is_refused():
    with pytest.raises(ValueError, match="'best_mean', 'last'.*found .first.*keep"):
        after("first")
