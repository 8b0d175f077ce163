"""Tasks that follow one another: the product over the entire space, and its risks."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models
from mtlx.models.chain import follow

KEY = jax.random.key(0)
CLICK_BUY = {"chain": ("click", "stars")}
WITH_RATE = {"outputs": (1, 1, 1), **CLICK_BUY, "rates": (("category", "stars"),)}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def random_params(model, features, randomize, scale=0.7):
    shapes = jax.eval_shape(model.init, KEY, features)["params"]
    return randomize(shapes, scale=scale)


def test_follow_is_the_logit_of_the_product():
    a, b = (
        x.ravel() for x in np.meshgrid(np.linspace(-8, 8, 9), np.linspace(-8, 8, 9))
    )
    p = sigmoid(a) * sigmoid(b)
    found = follow(jnp.float32(a), jnp.float32(b))
    np.testing.assert_allclose(found, np.log(p) - np.log1p(-p), rtol=1e-5, atol=1e-5)
    slope = jax.vmap(jax.grad(lambda a, b: follow(a[None], b[None])[0]))(
        jnp.float32(a), jnp.float32(b)
    )
    np.testing.assert_allclose(slope, (1 - sigmoid(a)) / (1 - p), rtol=1e-4)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (-60.0, -70.0, -130.0),  # the product underflows float32
        (40.0, 40.0, 40.0 - np.log(2)),  # the product rounds to 1
        (300.0, 300.0, 300.0 - np.log(2)),
        (-300.0, 300.0, -300.0),
    ],
)
def test_follow_is_exact_where_probabilities_are_not(a, b, expected):
    value, slopes = jax.value_and_grad(lambda z: follow(z[:1], z[1:])[0])(
        jnp.array([a, b])
    )
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert np.isfinite(slopes).all()
    assert slopes.sum() > 0


def test_a_rate_is_the_factor_of_the_product_and_trains_nothing(
    make, features, randomize
):
    model = make(models.ESMM, **WITH_RATE)
    params = random_params(model, features, randomize)
    outputs = model.apply({"params": params}, features)
    click, both, rate = (sigmoid(outputs[t]) for t in ("click", "stars", "category"))
    np.testing.assert_allclose(both, click * rate, rtol=1e-4)
    gradient = jax.grad(
        lambda p: model.apply({"params": p}, features)["category"].sum()
    )(params)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradient))
    assert model.untrained() == ("category",)
    assert "tower_category" not in params


def test_the_conversion_tower_learns_from_rows_without_a_click(
    make, features, randomize
):
    """Over the entire space: those rows say that there was no conversion."""
    model = make(models.ESMM, **WITH_RATE)
    params = random_params(model, features, randomize)

    def loss(tower, row):
        both = model.apply({"params": params | {"tower_stars": tower}}, row)["stars"]
        return jnp.sum(jax.nn.softplus(both))  # of label 0, a row that has no click

    gradient = jax.grad(loss)(params["tower_stars"], features)
    assert np.any(gradient["output"]["kernel"])


def handed_for(model, features, randomize):
    params = random_params(model, features, randomize)
    outputs, handed = model.apply({"params": params}, features, mutable=["auxiliary"])
    return params, outputs, handed["auxiliary"]


def cross_entropy(z, y):
    p = sigmoid(z)
    return -y * np.log(p) - (1 - y) * np.log(1 - p)


def formula(cls, o, r, p, handed):
    """R_k over the rows given, of observed o, labels r and propensities p."""
    error = cross_entropy(handed["step_stars"], r)
    if cls is models.ESCM2IPW:
        return np.mean(o * error / p)
    e = np.asarray(handed["error_stars"], np.float64)
    first = e + o * (error - e) / p
    return np.mean(first) + np.mean(o * (error - e) ** 2 / p)


@pytest.mark.parametrize("cls", [models.ESCM2IPW, models.ESCM2DR])
@pytest.mark.parametrize("floor", [0.01, 0.6])
def test_the_risk_is_that_of_the_formula(cls, floor, make, features, randomize):
    fields = WITH_RATE | {"risk_weight": 0.5, "min_propensity": floor}
    model = make(cls, **fields)
    _, outputs, handed = handed_for(model, features, randomize)
    o, r = np.array([1, 0, 1, 1, 0, 0.0]), np.array([1, 0, 0, 1, 0, 0.0])
    # Row 3 has a click and no label of the conversion, row 4 the other way about: 3
    # says nothing. Row 5 has no label of the click, so it is no row of the N.
    where = {"click": [1, 1, 1, 1, 1, 0], "stars": [1, 0, 1, 0, 1, 1]}
    found = model.auxiliary_losses(
        outputs,
        handed,
        {"click": jnp.float32(o), "stars": jnp.float32(r), "category": jnp.float32(r)},
        {task: jnp.array(rows, bool) for task, rows in where.items()},
    )
    assert set(found) == {"stars"}
    rows = [0, 1, 2, 4]
    p = np.maximum(sigmoid(outputs["click"]), floor)[rows]
    handed = {name: np.asarray(value)[rows] for name, value in handed.items()}
    expected = 0.5 * formula(cls, o[rows], r[rows], p, handed)
    values, counts = found["stars"]
    np.testing.assert_array_equal(np.flatnonzero(counts), rows)
    np.testing.assert_allclose(np.mean(values[counts]), expected, rtol=1e-5)


@pytest.mark.parametrize("cls", [models.ESCM2IPW, models.ESCM2DR])
def test_the_risk_is_unbiased(cls, make, features, make_features, randomize):
    """Its mean over all clicks that could have been is that of the error of all rows.

    Of the doubly robust one, with what is left of the imputation's own error.
    """
    model = make(cls, **WITH_RATE)
    rows = make_features(0, 4)
    _, outputs, handed = handed_for(model, rows, randomize)
    p, r = sigmoid(outputs["click"]), np.array([1, 0, 1, 0.0])
    where = {task: jnp.ones(4, bool) for task in outputs}

    @jax.jit
    def risk(o):
        labels = {"click": o, "stars": jnp.float32(r) * o}
        values, counts = model.auxiliary_losses(outputs, handed, labels, where)["stars"]
        return jnp.mean(values), counts

    expected_risk = 0.0
    for o in itertools.product((0.0, 1.0), repeat=4):
        chance = np.prod(np.where(o, p, 1 - p))
        value, counts = risk(jnp.array(o))
        assert counts.all()
        expected_risk += chance * value
    error = cross_entropy(handed["step_stars"], r)
    expected = np.mean(error)
    if cls is models.ESCM2DR:
        expected += np.mean((error - np.asarray(handed["error_stars"])) ** 2)
    np.testing.assert_allclose(expected_risk, expected, rtol=1e-4)


@pytest.mark.parametrize("cls", [models.ESCM2IPW, models.ESCM2DR])
def test_no_gradient_leaks_through_the_propensity(
    cls, make, features, randomize, apply_with_losses
):
    model = make(cls, **WITH_RATE)
    params = random_params(model, features, randomize)
    clicks = jnp.array([1, 0, 1, 1, 0, 0.0])
    labels = dict.fromkeys(model.tasks, clicks)

    def risk(tower):
        changed = params | {"tower_click": tower}
        return apply_with_losses(model, changed, features, labels)[1]["stars"]

    value, gradient = jax.value_and_grad(risk)(params["tower_click"])
    moved = jax.tree.map(lambda leaf: leaf + 0.3, params["tower_click"])
    assert abs(risk(moved) - value) > 1e-3
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradient))


def test_the_calibrator_is_on_later_probabilities_above_earlier_ones(
    make, features, randomize
):
    model = make(models.AITM, outputs=(1, 1, 1), bottom_widths=(4,), calibrator=0.6)
    params = random_params(model, features, randomize)

    def penalty(params):
        outputs, sown = model.apply({"params": params}, features, mutable=["penalties"])
        return sum(jax.tree.leaves(sown["penalties"])), outputs

    (value, outputs), gradient = jax.value_and_grad(penalty, has_aux=True)(params)
    p = [sigmoid(outputs[task]) for task in model.tasks]
    excess = np.maximum(p[1] - p[0], 0) + np.maximum(p[2] - p[1], 0)
    assert (excess == 0).any() and (excess > 0).any()
    np.testing.assert_allclose(value, 0.6 * np.mean(excess), rtol=1e-5)
    assert np.any(gradient["tower_click"]["output"]["kernel"])

    falling = {"click": 40.0, "stars": 0.0, "category": -40.0}
    for task, level in falling.items():
        output = params[f"tower_{task}"]["output"]
        output["bias"] = output["bias"] + level
    (value, _), gradient = jax.value_and_grad(penalty, has_aux=True)(params)
    assert value == 0
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradient))
