"""What every architecture promises, whatever it computes."""

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
    shapes = {"click": (batch,), "stars": (batch,), "category": (batch, 3)}
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
        assert not np.allclose(y, others[task])


def test_bfloat16_computes_in_it_and_keeps_float32_outside(build, features, randomize):
    model = build(dtype="bfloat16")
    variables = _shapes(model, features)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
    variables = randomize(variables)
    exact, rounded = (m.apply(variables, features) for m in (build(), model))
    assert all(y.dtype == jnp.float32 for y in rounded.values())
    scale = max(np.abs(y).max() for y in exact.values())
    assert 1e-4 * scale < _difference(exact, rounded) < 5e-2 * scale


def test_gradients_are_finite_and_reach_every_parameter(
    build, features, make_features, quick_jit
):
    model = build()

    @quick_jit
    def gradient(params, features):
        def loss(params):
            outputs = model.apply({"params": params}, features)
            return sum(jnp.mean((y - 1.0) ** 2) for y in outputs.values())

        return jax.grad(loss)(params)

    params = model.init(KEY, features)["params"]
    gradients = [gradient(params, make_features(seed, 64)) for seed in range(3)]
    for path, leaf in flax.traverse_util.flatten_dict(params).items():
        parts = [flax.traverse_util.flatten_dict(g)[path] for g in gradients]
        assert all(np.isfinite(part).all() for part in parts), path
        assert any(part.any() for part in parts), (path, leaf.shape)


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


def test_a_population_is_initialised_by_vmap_over_keys(build, features, quick_jit):
    init = build().init
    keys = jax.random.split(KEY, 2)
    population = quick_jit(jax.vmap(init, in_axes=(0, None)))(keys, features)
    for index, key in enumerate(keys):
        member = jax.tree.map(lambda leaf, index=index: leaf[index], population)
        alone = init(key, features)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5), member, alone)
    for path, leaf in flax.traverse_util.flatten_dict(population).items():
        assert "bias" in path[-1] or not np.array_equal(leaf[0], leaf[1]), path


def test_towers_start_from_different_values(build, features):
    params = build().init(KEY, features)["params"]
    a, b = (params[f"tower_{task}"]["mlp"]["dense_0"] for task in ("click", "stars"))
    assert not np.allclose(a["kernel"], b["kernel"])


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


def test_training_without_dropout_needs_no_key(build, features):
    model = build()
    variables = model.init(KEY, features)
    a, b = (model.apply(variables, features, train=train) for train in (True, False))
    assert _difference(a, b) == 0


def test_batch_statistics_move_in_training_only(build, features):
    model = build(norm="batch")
    variables = model.init(KEY, features)

    def statistics(train):
        _, updates = model.apply(
            variables, features, train=train, mutable=["batch_stats"]
        )
        return updates["batch_stats"]

    before, moved = variables["batch_stats"], statistics(train=True)
    assert _difference(before, statistics(train=False)) == 0
    for path, leaf in flax.traverse_util.flatten_dict(before).items():
        assert not np.array_equal(leaf, flax.traverse_util.flatten_dict(moved)[path])


def _best_constant_losses(labels):
    def entropy(shares):
        return -np.sum(shares * np.log(shares))

    return {
        "click": entropy(np.bincount(labels["click"]) / len(labels["click"])),
        "stars": np.var(labels["stars"]),
        "category": entropy(np.bincount(labels["category"]) / len(labels["category"])),
    }


def _losses(outputs, labels):
    cross_entropy = optax.softmax_cross_entropy_with_integer_labels
    return {
        "click": optax.sigmoid_binary_cross_entropy(outputs["click"], labels["click"]),
        "stars": (outputs["stars"] - labels["stars"]) ** 2,
        "category": cross_entropy(outputs["category"], labels["category"]),
    }


def test_it_learns_what_no_constant_and_no_linear_map_can(
    row, build, make_features, quick_jit
):
    widths = {k: (16,) * len(v) for k, v in row.fields.items() if k.endswith("widths")}
    model = build(**widths, tower_widths=(16,))
    features = make_features(0, 256)
    ids, x = features["categorical"], features["numerical"]
    labels = {
        "click": (x[:, 0] * x[:, 1] > 0).astype(jnp.int32),
        "stars": jnp.abs(x[:, 0]) + x[:, 2] * (ids[:, 0] % 2),
        "category": (ids[:, 0] + ids[:, 1]) % 3,
    }
    optimizer = optax.adam(2e-2)

    def mean_losses(params):
        losses = _losses(model.apply({"params": params}, features), labels)
        return jax.tree.map(jnp.mean, losses)

    def step(carry, _):
        params, state = carry
        gradient = jax.grad(lambda p: sum(mean_losses(p).values()))(params)
        updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(params, updates), state), None

    @quick_jit
    def train(params):
        carry = (params, optimizer.init(params))
        return mean_losses(jax.lax.scan(step, carry, length=300)[0][0])

    final = train(model.init(KEY, features)["params"])
    constant = _best_constant_losses(jax.tree.map(np.asarray, labels))
    for task, loss in final.items():
        assert loss < 0.5 * constant[task], (task, float(loss), constant[task])
