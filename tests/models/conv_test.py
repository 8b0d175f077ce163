"""The convolution as one product, against the library's."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models.conv import Conv
from mtlx.models.resize import halve


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "use_bias"),
    [(5, 1, 0, True), (3, 1, 1, False), (3, 2, 1, True), (2, 3, 0, True)],
)
def test_it_is_the_convolution_of_flax_with_its_gradients(
    kernel, stride, padding, use_bias
):
    x = jax.random.normal(jax.random.key(0), (2, 9, 8, 3))
    ours = Conv(4, kernel, stride, padding, use_bias)
    theirs = nn.Conv(
        4, (kernel, kernel), stride, ((padding, padding),) * 2, use_bias=use_bias
    )
    variables = ours.init(jax.random.key(1), x)
    start = theirs.init(jax.random.key(1), x)
    jax.tree.map(np.testing.assert_array_equal, variables, start)
    pull = jax.random.normal(jax.random.key(2), ours.apply(variables, x).shape)

    def value(module):
        return lambda v, x: jnp.vdot(pull, module.apply(v, x))

    found = jax.value_and_grad(value(ours), argnums=(0, 1))(variables, x)
    expected = jax.value_and_grad(value(theirs), argnums=(0, 1))(variables, x)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4),
        found,
        expected,
    )


def test_the_form_for_accelerators_is_the_same(monkeypatch):
    x = jax.random.normal(jax.random.key(0), (2, 7, 7, 2))
    conv = Conv(3, 3, 2, 1)
    variables = conv.init(jax.random.key(1), x)
    expected = conv.apply(variables, x)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    program = str(jax.make_jaxpr(conv.apply)(variables, x))
    assert "conv_general_dilated" in program
    np.testing.assert_allclose(conv.apply(variables, x), expected, atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(5, 1, 0), (3, 2, 1)])
def test_with_the_rows_innermost_it_is_the_same(kernel, stride, padding):
    def swap(x):
        return jnp.transpose(x, (3, 1, 2, 0))

    x = jax.random.normal(jax.random.key(0), (2, 9, 8, 3))
    conv = Conv(4, kernel, stride, padding)
    last = conv.clone(batch_last=True)
    variables = conv.init(jax.random.key(1), x)
    variables["params"]["bias"] = jnp.arange(4.0)
    shapes = jax.tree.map(jnp.shape, last.init(jax.random.key(1), swap(x)))
    assert shapes == jax.tree.map(jnp.shape, variables)
    pull = jax.random.normal(jax.random.key(2), conv.apply(variables, x).shape)

    def plain(v, x):
        return jnp.vdot(pull, conv.apply(v, x))

    def swapped(v, x):
        y = last.apply(v, swap(x))
        return jnp.vdot(swap(pull), y)

    found = jax.value_and_grad(swapped, argnums=(0, 1))(variables, x)
    expected = jax.value_and_grad(plain, argnums=(0, 1))(variables, x)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
        found,
        expected,
    )


def test_halving_takes_the_maximum_and_drops_odd_rows():
    x = jnp.arange(2 * 5 * 7 * 3, dtype=jnp.float32).reshape(2, 5, 7, 3)
    x = jnp.sin(x)
    expected = nn.max_pool(x, (2, 2), (2, 2))
    np.testing.assert_array_equal(halve(x), expected)
    pull = jax.random.normal(jax.random.key(0), expected.shape)
    found, of_flax = (
        jax.grad(lambda x, f=f: jnp.vdot(pull, f(x)))(x)
        for f in (halve, lambda x: nn.max_pool(x, (2, 2), (2, 2)))
    )
    np.testing.assert_allclose(found, of_flax, atol=1e-6)


@pytest.mark.parametrize(
    ("places", "shares"),
    [
        ([[1, 0], [-1, 0]], [[1, 0], [0, 0]]),
        ([[0, 2], [2, 1]], [[0, 1 / 2], [1 / 2, 0]]),
        ([[3, 3], [0, 3]], [[1 / 3, 1 / 3], [0, 1 / 3]]),
        ([[0, 0], [0, 0]], [[1 / 4, 1 / 4], [1 / 4, 1 / 4]]),
    ],
)
def test_places_that_share_a_maximum_share_its_gradient(places, shares):
    x = jnp.array(places, jnp.float32)[None, :, :, None]
    found = jax.grad(lambda x: 6.0 * halve(x).sum())(x)
    np.testing.assert_allclose(found[0, :, :, 0], 6 * np.array(shares), rtol=1e-6)
