import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import gradients

TASKS = ("a", "b", "c")


def _params():
    keys = iter(jax.random.split(jax.random.key(0), 9))
    params = {"trunk": {"kernel": jax.random.normal(next(keys), (4, 3))}}
    for task in TASKS:
        params[f"head_{task}"] = {"kernel": jax.random.normal(next(keys), (3,))}
    return params


def _owner(path):
    return None if path[0] == "trunk" else path[0].removeprefix("head_")


def _loss(params, task):
    x = jax.random.normal(jax.random.key(1), (8, 4))
    y = jax.random.normal(jax.random.key(TASKS.index(task) + 2), (8,))
    hidden = jnp.tanh(x @ params["trunk"]["kernel"])
    return jnp.mean(jnp.square(hidden @ params[f"head_{task}"]["kernel"] - y))


def _loss_fn(params):
    losses = jnp.stack([_loss(params, task) for task in TASKS])
    return losses, {"present": jnp.array([True, True, True])}


def _task_gradients(params):
    """One `jax.grad` a task: what `measure` gets from a single forward pass."""
    return {task: jax.grad(_loss)(params, task) for task in TASKS}


def test_split_and_join_are_inverse():
    params = _params()
    shared, own = gradients.split(params, _owner)
    assert set(shared) == {("trunk", "kernel")}
    assert len(own) == 3
    joined = gradients.join(shared, own)
    assert jax.tree.structure(joined) == jax.tree.structure(params)
    jax.tree.map(np.testing.assert_array_equal, joined, params)


def test_gram_is_that_of_the_shared_gradients_alone():
    params = _params()
    measured = gradients.measure(_loss_fn, params, _owner, frozenset({"gram"}))
    rows = [g["trunk"]["kernel"].ravel() for g in _task_gradients(params).values()]
    jacobian = np.stack(rows)
    np.testing.assert_allclose(
        measured.signals.gram, jacobian @ jacobian.T, rtol=1e-5, atol=1e-6
    )
    assert measured.signals.grads is None


def test_stacked_gradients_are_given_when_needed():
    params = _params()
    measured = gradients.measure(_loss_fn, params, _owner, frozenset({"grads"}))
    assert measured.signals.gram is None
    grads = measured.signals.grads[("trunk", "kernel")]
    for row, task in zip(grads, _task_gradients(params).values(), strict=True):
        np.testing.assert_allclose(row, task["trunk"]["kernel"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("needs", [frozenset(), frozenset({"gram"})])
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.2, 0.0, 3.0), (-1.0, 2.0, 0)])
def test_shared_parameters_move_along_jt_w_and_own_ones_along_their_own(needs, weights):
    params, weights = _params(), jnp.array(weights)
    measured = gradients.measure(_loss_fn, params, _owner, needs)
    actual = measured.gradient(weights)
    each = _task_gradients(params)
    expected = sum(
        w * each[task]["trunk"]["kernel"]
        for w, task in zip(weights, TASKS, strict=True)
    )
    np.testing.assert_allclose(
        actual["trunk"]["kernel"], expected, rtol=1e-4, atol=1e-6
    )
    for task in TASKS:
        head = f"head_{task}"
        np.testing.assert_allclose(
            actual[head]["kernel"], each[task][head]["kernel"], rtol=1e-4, atol=1e-6
        )


def test_nothing_shared_gives_a_zero_gram_and_plain_gradients():
    params = _params()
    measured = gradients.measure(
        _loss_fn, params, lambda path: "a", frozenset({"gram"})
    )
    np.testing.assert_array_equal(measured.signals.gram, np.zeros((3, 3)))
    total = jax.grad(lambda p: _loss_fn(p)[0].sum())(params)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        measured.gradient(jnp.zeros(3)),
        total,
    )


def _flops(needs, width=64):
    """FLOPs of the compiled gradient of a wide trunk with three narrow heads."""
    x = jnp.ones((128, width))
    params = {"trunk": {"w1": jnp.ones((width, width)), "w2": jnp.ones((width, width))}}
    params |= {f"head_{t}": {"kernel": jnp.ones((width,))} for t in TASKS}

    def loss_fn(params):
        hidden = jnp.tanh(jnp.tanh(x @ params["trunk"]["w1"]) @ params["trunk"]["w2"])
        heads = [params[f"head_{t}"]["kernel"] for t in TASKS]
        return jnp.stack([jnp.mean((hidden @ h) ** 2) for h in heads]), {}

    def gradient(params, weights):
        return gradients.measure(loss_fn, params, _owner, needs).gradient(weights)

    def plain(params, weights):
        return jax.grad(lambda p: jnp.vdot(weights, loss_fn(p)[0]))(params)

    weights = jnp.array([1.0, 2.0, 3.0])

    def cost(fn):
        return jax.jit(fn).lower(params, weights).compile().cost_analysis()["flops"]

    return cost(gradient), cost(plain)


def test_a_loss_only_balancer_costs_one_backward_pass():
    ours, plain = _flops(frozenset())
    assert ours < 1.1 * plain


def test_a_gram_costs_one_backward_pass_a_task():
    ours, plain = _flops(frozenset({"gram"}))
    assert 1.5 * plain < ours < 3 * plain


def _deep_params():
    params = _params()
    params["trunk"] = {
        "low": {"kernel": params["trunk"]["kernel"]},
        "top": {"kernel": jax.random.normal(jax.random.key(9), (3, 3))},
    }
    return params


def _deep_losses(params, probe=None):
    x = jax.random.normal(jax.random.key(1), (8, 4))
    hidden = jnp.tanh(x @ params["trunk"]["low"]["kernel"])
    hidden = jnp.tanh(hidden @ params["trunk"]["top"]["kernel"])
    hidden = hidden if probe is None else hidden + probe
    losses = []
    for number, task in enumerate(TASKS):
        y = jax.random.normal(jax.random.key(number + 2), (8,))
        losses.append(
            jnp.mean(jnp.square(hidden @ params[f"head_{task}"]["kernel"] - y))
        )
    return jnp.stack(losses), {}


def _rows(jacobian):
    return np.reshape(jacobian, (len(TASKS), -1))


def _assert_moves_along(measured, params, weights):
    """All shared parameters along J^T w, though G was measured on something else."""
    actual = measured.gradient(weights)
    total = jax.grad(lambda p: weights @ _deep_losses(p)[0])(params)
    plain = jax.grad(lambda p: _deep_losses(p)[0].sum())(params)
    for layer in ("low", "top"):
        np.testing.assert_allclose(
            actual["trunk"][layer]["kernel"],
            total["trunk"][layer]["kernel"],
            rtol=1e-4,
            atol=1e-6,
        )
    for task in TASKS:
        np.testing.assert_allclose(
            actual[f"head_{task}"]["kernel"],
            plain[f"head_{task}"]["kernel"],
            rtol=1e-4,
            atol=1e-6,
        )


WEIGHTS = jnp.array([0.3, 2.0, -1.0])
GRAM = frozenset({"gram"})


def test_last_layer_measures_there_and_moves_all():
    params = _deep_params()
    cut = gradients.Cut("last_layer", is_last=lambda path: "top" in path)
    measured = gradients.measure(_deep_losses, params, _owner, GRAM, cut)
    jacobian = jax.jacobian(lambda p: _deep_losses(p)[0])(params)
    rows = _rows(jacobian["trunk"]["top"]["kernel"])
    np.testing.assert_allclose(measured.signals.gram, rows @ rows.T, rtol=1e-4)
    _assert_moves_along(measured, params, WEIGHTS)


def test_representation_measures_there_and_moves_all():
    params, probe = _deep_params(), jnp.zeros((8, 3))
    cut = gradients.Cut("representation", probes=probe)
    measured = gradients.measure(_deep_losses, params, _owner, GRAM, cut)
    rows = _rows(jax.jacobian(lambda z: _deep_losses(params, z)[0])(probe))
    np.testing.assert_allclose(measured.signals.gram, rows @ rows.T, rtol=1e-4)
    _assert_moves_along(measured, params, WEIGHTS)


def test_each_layer_has_a_gram_and_weights_of_its_own():
    params = _deep_params()
    measured = gradients.measure(
        _deep_losses, params, _owner, GRAM, gradients.Cut("layer")
    )
    jacobian = jax.jacobian(lambda p: _deep_losses(p)[0])(params)["trunk"]
    weights = jnp.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 0.5]])
    actual = measured.gradient(weights)
    shared, _ = gradients.split(params, _owner)
    assert gradients.layers(shared) == [("trunk", "low"), ("trunk", "top")]
    for number, layer in enumerate(("low", "top")):
        rows = _rows(jacobian[layer]["kernel"])
        np.testing.assert_allclose(
            measured.signals.gram[number], rows @ rows.T, rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(
            np.ravel(actual["trunk"][layer]["kernel"]),
            weights[number] @ rows,
            rtol=1e-4,
            atol=1e-6,
        )


def test_the_layers_grams_sum_to_that_of_all():
    params = _deep_params()
    whole = gradients.measure(_deep_losses, params, _owner, GRAM)
    parts = gradients.measure(
        _deep_losses, params, _owner, GRAM, gradients.Cut("layer")
    )
    np.testing.assert_allclose(
        parts.signals.gram.sum(0), whole.signals.gram, rtol=1e-4, atol=1e-6
    )
