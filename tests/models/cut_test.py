"""Where papers cut the gradient: the forward pass goes on, the backward does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models

KEY = jax.random.key(0)


def random_params(model, features, randomize):
    return randomize(jax.eval_shape(model.init, KEY, features)["params"])


def assert_cut(function, point):
    """`function` varies with `point`, and its gradient is exactly zero."""
    moved = jax.tree.map(lambda leaf: leaf + 0.5, point)
    assert abs(function(moved) - function(point)) > 1e-3
    for leaf in jax.tree.leaves(jax.grad(function)(point)):
        assert not np.any(leaf)


def output_of(model, params, features, task, **changed):
    return model.apply({"params": params | changed}, features)[task].sum()


def test_a_stem_task_reads_other_tasks_experts_and_embeddings_without_training_them(
    make, features, randomize
):
    model = make(models.STEM, expert_widths=(4,))
    params = random_params(model, features, randomize)
    for part in ("experts_stars", "encoder_stars"):
        assert_cut(
            lambda leaves, part=part: output_of(
                model, params, features, "click", **{part: leaves}
            ),
            params[part],
        )
    own = jax.grad(
        lambda leaves: output_of(model, params, features, "click", encoder_click=leaves)
    )(params["encoder_click"])
    assert np.any(own["embedding"])


def test_pepnet_gates_do_not_train_the_embeddings_that_they_read(
    make, features, randomize
):
    """The networks see the first unit of O alone, of column 0; the gates see it all."""
    model = make(models.PEPNet, task_widths=(5, 4))
    params = random_params(model, features, randomize)
    for task in model.tasks:
        layer = params[f"task_0_{task}"]["dense_0"]
        layer["kernel"] = layer["kernel"].at[1:].set(0.0)
    table = params["encoder"]["embedding"]

    def of_columns(first, second):
        encoder = {"embedding": jnp.concatenate([first, second])}
        return output_of(model, params, features, "click", encoder=encoder)

    assert_cut(lambda second: of_columns(table[:4], second), table[4:])
    first = jax.grad(of_columns)(table[:4], table[4:])
    assert np.any(first[:, 0]) and not np.any(first[:, 1])


def test_m3oe_gates_do_not_train_what_they_read(make, features, randomize):
    """With experts that are constants, only the gates depend on the features."""
    model = make(models.M3oE, star_widths=(5, 4), expert_widths=(4,), norm="none")
    params = random_params(model, features, randomize)
    for group in ("shared_experts", "domain_experts", "task_experts"):
        kernel = params[group]["kernel_0"]
        bias = jnp.abs(params[group]["bias_0"])  # on the living side of the relu
        params[group] = {"kernel_0": jnp.zeros_like(kernel), "bias_0": bias}
    for part in ("encoder", "star", "star_mlp", "skip"):
        assert_cut(
            lambda leaves, part=part: output_of(
                model, params, features, "click", **{part: leaves}
            ),
            params[part],
        )


@pytest.mark.parametrize("cls", [models.STAR, models.M3oE])
def test_a_row_goes_through_the_weights_of_its_own_domain(
    cls, make, features, randomize
):
    model = make(cls, norm="none")
    params = random_params(model, features, randomize)
    one_domain = features | {"categorical": features["categorical"].at[:, 1].set(2)}
    gradient = jax.grad(lambda p: output_of(model, p, one_domain, "click"))(params)
    name = "bottom" if cls is models.STAR else "star"
    star = gradient[name].get("dense_0", gradient[name])
    assert np.any(star["shared_kernel"]) and np.any(star["kernel"][2])
    assert not np.any(star["kernel"][:2]) and not np.any(star["bias"][:2])
