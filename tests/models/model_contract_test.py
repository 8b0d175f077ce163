"""What every architecture promises, whatever it computes."""

import functools

import flax.errors
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

KEY = jax.random.key(0)


def _shapes(model, features):
    return jax.eval_shape(model.init, KEY, features)


def _difference(a, b):
    return max(jax.tree.leaves(jax.tree.map(lambda x, y: np.abs(x - y).max(), a, b)))


@pytest.mark.parametrize("batch", [1, 6])
def test_one_output_a_task_in_its_shape(build, make_features, batch):
    init = build().init_with_output
    outputs, _ = jax.eval_shape(init, KEY, make_features(0, batch))
    shapes = {
        task: (batch,) if width == 1 else (batch, width)
        for task, width in zip(build().tasks, build().outputs, strict=True)
    }
    assert {task: y.shape for task, y in outputs.items()} == shapes
    assert all(y.dtype == jnp.float32 for y in outputs.values())


def test_a_row_is_predicted_on_its_own(build, features, make_features, randomize):
    model = build()
    variables = randomize(_shapes(model, features))
    among_others = jax.tree.map(
        lambda column, other: other.at[2].set(column[2]), features, make_features(1)
    )
    outputs, others = (
        model.apply(variables, rows) for rows in (features, among_others)
    )
    for task, y in outputs.items():
        np.testing.assert_allclose(y[2], others[task][2], rtol=1e-5, atol=1e-5)
    assert _difference(outputs, others) > 1e-3


def test_bfloat16_computes_in_it_and_keeps_float32_outside(build, features, randomize):
    model = build(dtype="bfloat16")
    variables = _shapes(model, features)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
    variables = randomize(variables)
    exact, rounded = (m.apply(variables, features) for m in (build(), model))
    assert all(y.dtype == jnp.float32 for y in rounded.values())
    scale = max(np.abs(y).max() for y in exact.values())
    assert 1e-4 * scale < _difference(exact, rounded) < 5e-2 * scale


def test_the_second_call_does_not_compile(build, features, make_features, randomize):
    traces = []

    def predict(model, variables, features):
        traces.append(model)
        return model.apply(variables, features)

    predict = jax.jit(predict, static_argnums=0)
    variables = randomize(_shapes(build(), features))
    predict(build(), variables, features)
    predict(build(), variables, make_features(1))
    assert len(traces) == 1


def test_a_population_is_initialised_by_vmap_over_keys(row, build, features, quick_jit):
    keys = jax.random.split(KEY, 2)
    model = build()
    population = quick_jit(jax.vmap(model.init, in_axes=(0, None)))(keys, features)
    shapes = jax.tree.map(lambda leaf: (2, *leaf.shape), _shapes(model, features))
    assert jax.tree.map(jnp.shape, population) == shapes
    for path, leaf in flax.traverse_util.flatten_dict(population).items():
        if "bias" not in path[-1] and path[-1] not in row.constant:
            assert not np.array_equal(leaf[0], leaf[1]), path
    if "tower_click" in population["params"]:
        click, stars = (population["params"][f"tower_{t}"] for t in ("click", "stars"))
        kernels = [tower["output"]["kernel"] for tower in (click, stars)]
        assert not np.allclose(*kernels), "towers that start alike"


def test_dropout_needs_a_key_and_acts_in_training_only(build, features, randomize):
    model, plain = build(dropout_rate=0.5), build()
    variables = randomize(_shapes(model, features))

    def predict(key):
        return model.apply(variables, features, train=True, rngs={"dropout": key})

    with pytest.raises(flax.errors.InvalidRngError, match="dropout"):
        model.apply(variables, features, train=True)
    still = model.apply(variables, features)
    assert _difference(still, plain.apply(variables, features)) == 0
    assert _difference(still, predict(KEY)) > 1e-2
    assert _difference(predict(KEY), predict(KEY)) == 0
    assert _difference(predict(KEY), predict(jax.random.key(1))) > 1e-2


def test_training_without_dropout_needs_no_key_unless_it_draws_noise(
    row, build, features, randomize
):
    model = build()
    variables = randomize(_shapes(model, features))
    if row.noisy:
        with pytest.raises(flax.errors.InvalidRngError, match="dropout"):
            model.apply(variables, features, train=True)
        draws = [
            model.apply(variables, features, train=True, rngs={"dropout": key})
            for key in (KEY, KEY, jax.random.key(1))
        ]
        assert _difference(draws[0], draws[1]) == 0 < _difference(draws[0], draws[2])
        return
    a, b = (model.apply(variables, features, train=train) for train in (True, False))
    assert _difference(a, b) == 0


def test_batch_statistics_move_in_training_only(build, features, randomize):
    model = build(norm="batch")
    variables = jax.tree.map(jnp.abs, randomize(_shapes(model, features)))

    def statistics(train):
        _, updates = model.apply(
            variables,
            features,
            train=train,
            rngs={"dropout": KEY},
            mutable=["batch_stats"],
        )
        return updates["batch_stats"]

    before, moved = variables["batch_stats"], statistics(train=True)
    assert _difference(before, statistics(train=False)) == 0
    for path, leaf in flax.traverse_util.flatten_dict(before).items():
        assert not np.array_equal(leaf, flax.traverse_util.flatten_dict(moved)[path])


def _labels(features, binary):
    """Labels of each kind; binary ones follow one another, as in a chain."""
    ids, x = features["categorical"], features["numerical"]
    click = (x[:, 0] * x[:, 1] > 0).astype(jnp.int32)
    if binary:
        stars = click * (jnp.abs(x[:, 2]) > 0.4)
        return {"click": click, "stars": stars, "category": stars * (ids[:, 0] % 2)}
    return {
        "click": click,
        "stars": jnp.abs(x[:, 0]) + x[:, 2] * (ids[:, 0] % 2),
        "category": (ids[:, 0] + ids[:, 1]) % 3,
    }


def _best_constant_losses(features, binary):
    labels = jax.tree.map(np.asarray, _labels(features, binary))

    def entropy(task):
        shares = np.bincount(labels[task]) / len(labels[task])
        return -np.sum(shares * np.log(shares))

    return {
        "click": entropy("click"),
        "stars": entropy("stars") if binary else np.var(labels["stars"]),
        "category": entropy("category"),
    }


def _losses(outputs, labels, binary):
    cross_entropy = optax.sigmoid_binary_cross_entropy
    if binary:
        return {task: cross_entropy(outputs[task], labels[task]) for task in labels}
    categorical = optax.softmax_cross_entropy_with_integer_labels
    return {
        "click": cross_entropy(outputs["click"], labels["click"]),
        "stars": (outputs["stars"] - labels["stars"]) ** 2,
        "category": categorical(outputs["category"], labels["category"]),
    }


@functools.cache
def _trained(model, make_features, randomize, apply_with_losses, jit):
    """The losses after 300 steps of Adam, and what reached every parameter in each."""
    features = make_features(0, 256)
    binary = max(model.outputs) == 1
    labels = _labels(features, binary)
    optimizer = optax.adam(2e-2)

    def total(params, key):
        # In training, for the architectures that draw noise.
        options = {"train": True, "rngs": {"dropout": key}}
        outputs, added = apply_with_losses(model, params, features, labels, **options)
        means = jax.tree.map(jnp.mean, _losses(outputs, labels, binary))
        return sum(means.values()) + sum(added.values())

    def step(carry, key):
        params, state = carry
        gradient = jax.grad(total)(params, key)
        updates, state = optimizer.update(gradient, state)
        largest = jax.tree.map(lambda leaf: jnp.abs(leaf).max(), gradient)
        return (optax.apply_updates(params, updates), state), largest

    params = randomize(_shapes(model, features), scale=0.3)["params"]
    keys = jax.random.split(KEY, 300)
    train = jit(lambda params, state: jax.lax.scan(step, (params, state), keys))
    (params, _), largest = train(params, optimizer.init(params))
    losses = _losses(model.apply({"params": params}, features), labels, binary)
    return jax.tree.map(jnp.mean, losses), largest


@pytest.fixture
def trained(row, build, make_features, randomize, apply_with_losses, quick_jit):
    widths = {k: (16,) * len(v) for k, v in row.fields.items() if k.endswith("widths")}
    model = build(**widths, **row.wide, tower_widths=(16,))
    return _trained(model, make_features, randomize, apply_with_losses, quick_jit)


def test_gradients_stay_finite_and_reach_every_parameter(row, trained):
    """At the first step; a gate that noise shuts, at one of the first ten."""
    _, largest = trained
    steps = 10 if row.noisy else 1
    for path, leaf in flax.traverse_util.flatten_dict(largest).items():
        assert np.isfinite(leaf).all() and leaf[:steps].max() > 0, path


def test_it_learns_what_no_constant_and_no_linear_map_can(
    build, trained, make_features
):
    losses, _ = trained
    constant = _best_constant_losses(make_features(0, 256), max(build().outputs) == 1)
    for task, loss in losses.items():
        assert loss < 0.5 * constant[task], (task, loss, constant[task])
