"""The declared owner of every parameter is the one that derivatives show."""

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models

BATCHES = 4


def _influence(model, features, make_features, randomize, apply_with_losses, quick_jit):
    """{path: tasks with a nonzero derivative by that leaf}, over random draws.

    Of a task's outputs, and of what the model adds to its loss.
    """
    variables = jax.eval_shape(model.init, jax.random.key(0), features)
    ones = dict.fromkeys(model.tasks, jnp.ones(len(features["numerical"])))

    def values(params, rows):  # in training, with the noise that some draw
        options = {"train": True, "rngs": {"dropout": jax.random.key(1)}}
        outputs, added = apply_with_losses(model, params, rows, ones, **options)
        return {task: (y, added[task]) for task, y in outputs.items()}

    jacobian = quick_jit(jax.jacrev(values))
    influence = {}
    for seed in range(BATCHES):
        params = randomize(variables["params"], seed)
        for task, trees in jacobian(params, make_features(seed)).items():
            for tree in trees:
                for path, leaf in flax.traverse_util.flatten_dict(tree).items():
                    tasks = influence.setdefault(path, set())
                    if np.any(leaf):
                        tasks.add(task)
    return influence


def test_declared_owners_are_the_derived_ones(
    build, features, make_features, randomize, apply_with_losses, quick_jit
):
    model = build(norm="layer")
    _assert_owners(
        model, features, make_features, randomize, apply_with_losses, quick_jit
    )


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (models.ESMM, {"chain": ("stars", "click")}),
        (models.ESCM2DR, {"chain": ("stars", "click"), "imputation_widths": (2,)}),
        (models.AITM, {"chain": ("stars", "click"), "bottom_widths": (4,)}),
        (models.DBMTL, {"parents": (("click", ("category",)), ("stars", ()))}),
    ],
)
def test_owners_follow_the_declared_order(
    make, cls, fields, features, make_features, randomize, apply_with_losses, quick_jit
):
    """Neither that of the tasks, nor all of them."""
    _assert_owners(
        make(cls, **fields),
        features,
        make_features,
        randomize,
        apply_with_losses,
        quick_jit,
    )


def _assert_owners(
    model, features, make_features, randomize, apply_with_losses, quick_jit
):
    influence = _influence(
        model, features, make_features, randomize, apply_with_losses, quick_jit
    )
    declared = {path: model.owner(path) for path in influence}
    derived = {
        path: next(iter(tasks)) if len(tasks) == 1 else None
        for path, tasks in influence.items()
    }
    assert all(influence.values()), "a parameter that influences no task"
    assert declared == derived


def test_which_tasks_own_something_and_only_single_task_shares_nothing(
    row, build, features
):
    model = build()
    params = jax.eval_shape(model.init, jax.random.key(0), features)["params"]
    paths = flax.traverse_util.flatten_dict(params)
    owners = {model.owner(path) for path in paths}
    assert owners - {None} == set(row.owning)
    assert (None in owners) == (row.cls is not models.SingleTask)


def test_a_lone_task_owns_everything(row, build, features):
    lone = {"groups": (("click",),)} if "groups" in row.fields else {}
    model = build(tasks=("click",), outputs=(1,), **lone)
    params = jax.eval_shape(model.init, jax.random.key(0), features)["params"]
    paths = flax.traverse_util.flatten_dict(params)
    assert {model.owner(path) for path in paths} == {"click"}


def test_names_that_contain_each_other_are_told_apart(make, features):
    """Tasks called like a part of the model, or like the beginning of another task."""
    tasks = ("shared", "buy", "buy_again", "experts")
    model = make(models.PLE, tasks=tasks, outputs=(1, 1, 1, 1))
    params = jax.eval_shape(model.init, jax.random.key(0), features)["params"]
    owned = {
        path: model.owner(path) for path in flax.traverse_util.flatten_dict(params)
    }
    assert owned["level_1", "experts_buy_again", "kernel_0"] == "buy_again"
    assert owned["level_1", "experts_shared", "kernel_0"] == "shared"
    assert owned["level_1", "shared_experts", "kernel_0"] is None
    assert owned["level_0", "experts_buy", "kernel_0"] is None
    assert owned["tower_experts", "output", "bias"] == "experts"


def test_a_path_outside_the_params_tree_is_refused(build):
    with pytest.raises(ValueError, match='leave out the leading "params"'):
        build().owner(("params", "tower_click", "output", "bias"))
