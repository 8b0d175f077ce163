"""What every architecture promises, whatever it computes."""

import flax.errors
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

KEY = jax.random.key(0)
SHAPES = {"click": (6,), "stars": (6,), "category": (6, 3)}


def _initial(model, features):
    return jax.jit(model.init)(KEY, features)


def _difference(a, b):
    return max(jax.tree.leaves(jax.tree.map(lambda x, y: np.abs(x - y).max(), a, b)))


def test_one_output_a_task_in_its_shape(build, features):
    outputs, _ = build().init_with_output(KEY, features)
    assert {task: y.shape for task, y in outputs.items()} == SHAPES
    assert all(y.dtype == jnp.float32 for y in outputs.values())


def test_a_row_is_predicted_on_its_own(build, features, randomize):
    model = build(norm="layer")
    variables = randomize(_initial(model, features))
    everything = model.apply(variables, features)
    alone = model.apply(variables, jax.tree.map(lambda column: column[2:3], features))
    for task, y in alone.items():
        np.testing.assert_allclose(y, everything[task][2:3], rtol=1e-5, atol=1e-5)


def test_bfloat16_computes_in_it_and_keeps_float32_outside(build, features, randomize):
    model = build(dtype="bfloat16")
    variables = _initial(model, features)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
    variables = randomize(variables)
    exact, rounded = (m.apply(variables, features) for m in (build(), model))
    assert all(y.dtype == jnp.float32 for y in rounded.values())
    scale = max(np.abs(y).max() for y in exact.values())
    assert 1e-4 * scale < _difference(exact, rounded) < 5e-2 * scale


def test_gradients_are_finite_and_reach_every_parameter(build, features, make_features):
    model = build()

    @jax.jit
    def gradient(params, features):
        def loss(params):
            outputs = model.apply({"params": params}, features)
            return sum(jnp.mean((y - 1.0) ** 2) for y in outputs.values())

        return jax.grad(loss)(params)

    params = _initial(model, features)["params"]
    gradients = [gradient(params, make_features(seed, 64)) for seed in range(3)]
    for path, leaf in flax.traverse_util.flatten_dict(params).items():
        parts = [flax.traverse_util.flatten_dict(g)[path] for g in gradients]
        assert all(np.isfinite(part).all() for part in parts), path
        assert any(part.any() for part in parts), (path, leaf.shape)


def test_the_second_call_does_not_compile(build, features, make_features):
    traces = []

    def predict(model, variables, features):
        traces.append(model)
        return model.apply(variables, features)

    predict = jax.jit(predict, static_argnums=0)
    variables = _initial(build(), features)
    predict(build(), variables, features)
    predict(build(), variables, make_features(1))
    assert len(traces) == 1


def test_a_population_is_initialised_by_vmap_over_keys(build, features):
    init = jax.jit(build().init)
    keys = jax.random.split(KEY, 3)
    population = jax.jit(jax.vmap(build().init, in_axes=(0, None)))(keys, features)
    for index, key in enumerate(keys):
        member = jax.tree.map(lambda leaf, index=index: leaf[index], population)
        alone = init(key, features)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5), member, alone)
    for path, leaf in flax.traverse_util.flatten_dict(population).items():
        assert "bias" in path[-1] or not np.array_equal(leaf[0], leaf[1]), path


def test_towers_start_from_different_values(build, features):
    params = _initial(build(), features)["params"]
    a, b = (params[f"tower_{task}"]["mlp"]["dense_0"] for task in ("click", "stars"))
    assert not np.allclose(a["kernel"], b["kernel"])


def test_dropout_needs_a_key_and_acts_in_training_only(build, features, randomize):
    model, plain = build(dropout_rate=0.5), build()
    variables = randomize(_initial(model, features))

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
    variables = _initial(model, features)
    a, b = (model.apply(variables, features, train=train) for train in (True, False))
    assert _difference(a, b) == 0


def test_batch_statistics_move_in_training_only(build, features):
    model = build(norm="batch")
    variables = _initial(model, features)

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


def test_it_learns_what_no_constant_and_no_linear_map_can(row, build, make_features):
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

    @jax.jit
    def train(params):
        carry = (params, optimizer.init(params))
        return mean_losses(jax.lax.scan(step, carry, length=300)[0][0])

    final = train(_initial(model, features)["params"])
    constant = _best_constant_losses(jax.tree.map(np.asarray, labels))
    for task, loss in final.items():
        assert loss < 0.5 * constant[task], (task, float(loss), constant[task])
