"""A loss function is divided into a trunk and heads, and each head is pulled once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.gradients import measure
from mtlx.gradients.division import divide
from mtlx.gradients.program import trace

TASKS = 4


def _params(width):
    keys = jax.random.split(jax.random.key(0), TASKS + 1)
    heads = {
        f"head_{i}": jax.random.normal(keys[i], (width, width)) for i in range(TASKS)
    }
    return {"trunk": jax.random.normal(keys[-1], (4, width)), **heads}


def _owner(path):
    return None if path[0] == "trunk" else path[0]


def _losses(params):
    x = jnp.cos(jnp.arange(32.0)).reshape(8, 4)
    hidden = jax.jit(jnp.tanh)(x @ params["trunk"])
    outputs = [jnp.tanh(hidden @ params[f"head_{i}"]) for i in range(TASKS)]
    losses = jnp.stack([jnp.mean(jnp.square(y - 0.5)) for y in outputs])
    return losses, {"largest": jnp.max(losses), "batch": x}


def _names(eqns):
    return [eqn.primitive.name for eqn in eqns]


def test_what_one_loss_depends_on_is_its_head():
    params = _params(6)
    program = trace(_losses, params)
    inputs = dict(zip(sorted(params), program.inputs, strict=True))
    own = {inputs[f"head_{i}"] for i in range(TASKS)}
    division = divide(program, program.outputs[0], None, own)
    assert division.apart
    assert _names(division.trunk).count("dot_general") == 1
    assert "tanh" in _names(division.trunk)  # from inside the jit
    for head in division.heads:
        assert _names(head).count("dot_general") == 1
    assert "reduce_max" in _names(division.rest)
    (hidden,) = {var for boundary in division.boundaries for var in boundary}
    assert hidden.aval.shape == (8, 6)


def test_losses_that_are_computed_together_are_all_trunk():
    def together(params):
        return jnp.mean(jnp.square(params["w"]), axis=1), {}

    params = {"w": jnp.arange(6.0).reshape(3, 2)}
    program = trace(together, params)
    division = divide(program, program.outputs[0], None, set())
    assert not division.apart
    measured = measure(together, params, lambda path: None, frozenset({"gram"}))
    rows = np.diag([1.0, 1.0, 1.0]) @ np.asarray(params["w"])
    np.testing.assert_allclose(
        measured.signals.gram, np.diag(np.sum(rows**2, axis=1)), rtol=1e-6
    )


def test_the_aux_comes_back_as_it_is():
    params = _params(6)
    losses, aux = _losses(params)
    measured = measure(_losses, params, _owner, frozenset({"gram"}))
    np.testing.assert_allclose(measured.signals.losses, losses, rtol=1e-6)
    assert set(measured.aux) == {"largest", "batch"}
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), measured.aux, aux
    )


@pytest.mark.parametrize("form", ["vmap", "loop", "ghost"])
def test_every_head_is_pulled_back_once(form):
    """Heads 96 x 96 on a trunk 4 x 96: T pulls of everything would cost T times."""
    params = _params(96)

    def gradient(params, weights):
        needs = frozenset({"gram"})
        return measure(_losses, params, _owner, needs, gradients=form).gradient(weights)

    def plain(params, weights):
        return jax.grad(lambda p: weights @ _losses(p)[0])(params)

    def flops(function):
        lowered = jax.jit(function).lower(params, jnp.ones(TASKS))
        return lowered.compile().cost_analysis()["flops"]

    assert flops(gradient) < 1.5 * flops(plain)


def test_a_loss_that_no_parameter_enters():
    def losses(params):
        return jnp.stack([jnp.sum(params["w"]) ** 2, jnp.float32(3.0)]), {}

    params = {"w": jnp.array([1.0, 2.0])}
    for form in ("vmap", "loop", "map", "ghost", "recompute"):
        measured = measure(
            losses, params, lambda path: None, frozenset({"gram"}), gradients=form
        )
        # d/dw (w1 + w2)^2 = 6 (1, 1)
        np.testing.assert_allclose(measured.signals.gram, [[72.0, 0.0], [0.0, 0.0]])
        gradient = measured.gradient(jnp.array([0.5, 7.0]))
        np.testing.assert_allclose(gradient["w"], [3.0, 3.0])


def test_many_members_at_once_are_each_alone():
    """A vmapped step measures a population."""
    params = jax.vmap(lambda scale: jax.tree.map(lambda x: scale * x, _params(6)))(
        jnp.array([0.5, 1.0])
    )

    def run(params):
        measured = measure(
            _losses, params, _owner, frozenset({"gram"}), gradients="ghost"
        )
        return measured.signals.gram, measured.gradient(jnp.arange(4.0))

    together = jax.jit(jax.vmap(run))(params)
    for member in range(2):
        alone = jax.jit(run)(jax.tree.map(lambda x, m=member: x[m], params))
        jax.tree.map(
            lambda a, b, m=member: np.testing.assert_allclose(
                a[m], b, rtol=1e-4, atol=1e-6
            ),
            together,
            alone,
        )
