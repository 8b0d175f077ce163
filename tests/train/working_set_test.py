"""What is alive at once, counted by hand and against what XLA allocates."""

import jax
import jax.numpy as jnp
import pytest

from mtlx.train.memory import footprint
from mtlx.train.working_set import live_bytes

UNIT = jnp.zeros(256, jnp.float32)  # 1,024 bytes
KB = 1024


def live(function, *arguments):
    return live_bytes(jax.make_jaxpr(function)(*arguments).jaxpr)


def chain(x):
    for _ in range(5):
        x = jnp.sin(x)
    return x


def fan(x):
    """Four values that the last operation reads."""
    parts = [jnp.sin(x), jnp.cos(x), jnp.tan(x), jnp.exp(x)]
    return jnp.concatenate(parts)


def repeated(x):
    return jax.lax.scan(lambda c, _: (chain(c), None), x, length=100)[0]


def branches(x):
    return jax.lax.cond(x[0] > 0, fan, lambda v: jnp.concatenate([v] * 4), x)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x, 1),
        (chain, 2),  # what is read and what is made
        (fan, 8),  # four parts and what they are joined to
        (lambda x: chain(fan(x)), 8),
        (jax.jit(fan), 8),
    ],
)
def test_values_live_from_their_making_to_their_last_reading(function, expected):
    assert live(function, UNIT) == expected * KB


def test_a_loop_keeps_what_one_turn_keeps():
    assert live(repeated, UNIT) <= 3 * KB


def test_of_branches_the_largest_counts():
    assert live(branches, UNIT) >= live(fan, UNIT)


def test_it_is_near_what_xla_allocates():
    def layers(x, weights):
        for w in weights:
            x = jnp.tanh(x @ w)
        return jnp.sum(x)

    arguments = jnp.ones((512, 64)), [jnp.ones((64, 64))] * 6
    compiled = jax.jit(jax.grad(layers, argnums=1)).lower(*arguments).compile()
    ratio = live(jax.grad(layers, argnums=1), *arguments) / footprint(compiled)
    assert 0.5 < ratio < 2
