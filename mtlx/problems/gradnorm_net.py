"""Trains GradNorm's small network on its toy."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtlx import tree
from mtlx.problems.gradnorm_toy import INPUTS, OUTPUTS, GradNormToy
from mtlx.types import Array, Balancer, PRNGKeyArray, PyTree, Signals

__all__ = ["Curves", "train_gradnorm_toy"]

WIDTH, DEPTH = 100, 4


class Curves(NamedTuple):
    """R records."""

    steps: Array  # [R + 1]
    ratios: Array  # [R + 1, T] test loss relative to that of the untrained network
    weights: Array  # [R, T] before each record but the first

    @property
    def score(self) -> Array:
        """[R + 1]: sum_i L_i(t) / L_i(0), T at the start; less is better."""
        return jnp.sum(self.ratios, axis=-1)


def train_gradnorm_toy(
    toy: GradNormToy,
    balancer: Balancer,
    optimizer: optax.GradientTransformation,
    steps: int,
    *,
    batch_size: int = 100,
    record_every: int = 50,
    key: PRNGKeyArray | None = None,
) -> Curves:
    """Four shared ReLU layers of 100 and an affine head a task; mean squared errors.

    A scan of its own, not `mtlx.train.fit`: a label here is 100 numbers, where a Task's
    is one; and the Gram matrix is that of the last shared layer, as in the paper. All
    parameters move along the weighted sum of the losses. Under Adam this is much like
    `fit`, where a head gets its task's plain gradient.

    Args:
        toy: draws fresh rows each step.
        balancer: may need "gram" and "key".
        optimizer: of the network.
        steps: number of steps, a multiple of `record_every`.
        batch_size: rows a step.
        record_every: steps between two looks at the test rows.
        key: initial values and rows, alike for all balancers; None is key 0.

    Raises:
        ValueError: the balancer needs more, or `record_every` does not divide `steps`.

    Reference: as `gradnorm_toy`.
    """
    if balancer.needs - {"gram", "key"}:
        raise ValueError(
            f"Expected a balancer that needs 'gram' or 'key' at most, found one that "
            f"needs {sorted(balancer.needs)}."
        )
    if record_every < 1 or steps % record_every:
        raise ValueError(
            f"Expected record_every to divide steps, found {record_every} and {steps}."
        )
    key = jax.random.key(0) if key is None else key
    step = _make_step(toy, balancer, optimizer, batch_size)

    @jax.jit
    def run(key):
        tasks = toy.scales.size
        params = _init(key, tasks)
        start = _State(params, optimizer.init(params), balancer.init(tasks))
        first = _losses(params, *toy.test)

        def advance(state, numbers):
            keys = jax.vmap(lambda n: jax.random.fold_in(key, n + 1))(numbers)
            state, weights = jax.lax.scan(step, state, keys)
            return state, (_losses(state.params, *toy.test) / first, weights[-1])

        numbers = jnp.arange(steps).reshape(-1, record_every)
        _, (ratios, weights) = jax.lax.scan(advance, start, numbers)
        return jnp.concatenate([jnp.ones((1, tasks)), ratios]), weights

    return Curves(jnp.arange(0, steps + 1, record_every), *run(key))


class _State(NamedTuple):
    params: PyTree
    optimizer: Any
    balancer: Any


def _init(key: Array, tasks: int) -> PyTree:
    """He's initial values; heads by Lecun's, as no ReLU follows."""
    widths = [INPUTS] + [WIDTH] * DEPTH
    keys = jax.random.split(key, DEPTH + 1)
    trunk = [
        (jax.random.normal(k, (n, m)) * (2.0 / n) ** 0.5, jnp.zeros(m))
        for k, n, m in zip(keys[:-1], widths[:-1], widths[1:], strict=True)
    ]
    heads = jax.random.normal(keys[-1], (tasks, WIDTH, OUTPUTS)) / WIDTH**0.5
    return {
        "trunk": trunk[:-1],
        "last": trunk[-1],
        "heads": (heads, jnp.zeros((tasks, OUTPUTS))),
    }


def _features(params: PyTree, inputs: Array) -> Array:
    """What the last shared layer gets [B, WIDTH]."""
    for kernel, bias in params["trunk"]:
        inputs = jax.nn.relu(inputs @ kernel + bias[None, :])
    return inputs


def _head_losses(last: PyTree, heads: PyTree, features: Array, targets: Array) -> Array:
    shared = jax.nn.relu(features @ last[0] + last[1][None, :])
    outputs = jnp.einsum("bk,tkm->tbm", shared, heads[0]) + heads[1][:, None, :]
    return jnp.mean((outputs - targets) ** 2, axis=(1, 2))


def _losses(params: PyTree, inputs: Array, targets: Array) -> Array:
    features = _features(params, inputs)
    return _head_losses(params["last"], params["heads"], features, targets)


def _make_step(toy, balancer, optimizer, batch_size) -> Callable:
    """The function (state, key) -> (state, weights)."""

    def step(state, key):
        draw_key, decide_key = jax.random.split(key)
        batch = toy.draw(draw_key, batch_size)
        losses, pull = jax.vjp(lambda p: _losses(p, *batch), state.params)
        gram = None
        if "gram" in balancer.needs:
            gram = _last_layer_gram(state.params, *batch)
        weights, decided = balancer.update(
            Signals(losses=losses, gram=gram), state.balancer, key=decide_key
        )
        (gradient,) = pull(weights)
        updates, optimizer_state = optimizer.update(
            gradient, state.optimizer, state.params
        )
        params = optax.apply_updates(state.params, updates)
        return _State(params, optimizer_state, decided), weights

    return step


def _last_layer_gram(params: PyTree, inputs: Array, targets: Array) -> Array:
    features = _features(params, inputs)

    def own(last, head, target):
        head, target = jax.tree.map(lambda x: x[None], (head, target))
        return _head_losses(last, head, features, target)[0]

    # Each task's gradient passes its own head alone, not all T with zeros in them.
    gradients = jax.vmap(jax.grad(own), (None, 0, 0))
    rows = gradients(params["last"], params["heads"], targets)
    return tree.gram(rows, targets.shape[0])
