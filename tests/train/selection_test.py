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


@pytest.mark.parametrize("keep, epoch, error", [("best", 2, 0.5), ("last", 3, 0.8)])
def test_the_best_or_the_last(keep, epoch, error):
    found = after(keep)
    assert (found.epoch, found.scores["stars"]["rmse"]) == (epoch, error)
    assert found.variables["w"] == epoch
    again = Selection.restore(TASKS, found.variables, found.record(), keep)
    assert again.update(4, found.scores, found.variables).epoch == (
        4 if keep == "last" else 2
    )


def test_another_rule_is_refused():
    with pytest.raises(ValueError, match='"best" or "last", found .first.*keep'):
        after("first")
