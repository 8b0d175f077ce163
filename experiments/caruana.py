"""Caruana's F1: does a related function, learnt beside it, help a small network?"""

import functools
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mtlx.models import FeatureEncoder, SharedBottom
from mtlx.types import Array, PRNGKeyArray, PyTree

Scores = dict[str, dict[str, float]]
BITS, HIDDEN = 10, 16
TRAINING, HALTING, TEST = 50, 1000, 1000
VARIANTS = ("alone", "input", "tasks")


class Patterns(NamedTuple):
    """Inputs and both functions of drawn numbers."""

    inputs: Array  # [B, 20], A and B, 10 bits each, 0 or 1
    f1: Array  # [B] sigmoid(A + B)
    f2: Array  # [B] sigmoid(A - B)


def caruana_f1(
    variant: str,
    seed: int,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    patterns: int = 1,
    epochs: int = 2000,
) -> Scores:
    """The error on fresh patterns at the epoch that was best on the halting set.

    Args:
        variant: "alone", "input" (F2 is an input beside the 20 bits) or "tasks" (F2 is
            an output beside F1).
        seed: draws patterns and initial values; the three variants have the same
            patterns.
        learning_rate, momentum: of gradient descent on the squared errors' sum.
        patterns: in a step, 1 to 50.
        epochs: at most.

    Returns:
        "f1": "rmse", and "epoch" of the best.

    Raises:
        ValueError: an unknown variant, or patterns that do not divide the 50.

    Reference: Caruana, "Multitask Learning", Machine Learning 28, 1997, section 3.1 and
    Table 6: 16 sigmoid hidden units, 50 training, 1,000 halting and 1,000 test
    patterns. It prints neither learning rate, momentum, initial values nor whether a
    step is of one pattern: they are arguments here.
    """
    if variant not in VARIANTS or not 0 < patterns <= TRAINING or TRAINING % patterns:
        raise ValueError(
            f"caruana_f1: expected a variant of {VARIANTS} and a divisor of {TRAINING} "
            f"patterns a step, found {variant!r} and {patterns}."
        )
    run = _training(variant, patterns, epochs)
    rmse, epoch = run(jax.random.key(seed), learning_rate, momentum)
    return {"f1": {"rmse": float(rmse), "epoch": float(epoch)}}


def draw_patterns(key: PRNGKeyArray, rows: int) -> Patterns:
    """A and B uniform on [-5, 5], each as the nearest of 1,024 codes."""
    codes = jax.random.randint(key, (rows, 2), 0, 2**BITS)
    places = 2 ** jnp.arange(BITS - 1, -1, -1)
    bits = (codes[:, :, None] // places[None, None]) % 2
    a, b = (10.0 * codes / (2**BITS - 1) - 5.0).T
    inputs = bits.reshape(rows, 2 * BITS).astype(jnp.float32)
    return Patterns(inputs, nn.sigmoid(a + b), nn.sigmoid(a - b))


class _Network(NamedTuple):
    """What is trained, and its errors."""

    variant: str
    model: SharedBottom

    @classmethod
    def of(cls, variant: str) -> "_Network":
        tasks = ("f1", "f2") if variant == "tasks" else ("f1",)
        model = SharedBottom(
            tasks=tasks,
            outputs=(1,) * len(tasks),
            encoder=FeatureEncoder,
            bottom_widths=(HIDDEN,),
            tower_widths=(),
            activation=nn.sigmoid,
        )
        return cls(variant, model)

    def init(self, key: PRNGKeyArray) -> PyTree:
        width = 2 * BITS + (self.variant == "input")
        return self.model.init(key, {"numerical": jnp.zeros((1, width))})

    def errors(self, params: PyTree, rows: Patterns) -> Array:
        """[tasks, rows] of sigmoid outputs."""
        x = rows.inputs
        if self.variant == "input":
            x = jnp.concatenate([x, rows.f2[:, None]], axis=1)
        outputs = self.model.apply(params, {"numerical": x})
        tasks = self.model.tasks
        return jnp.stack([nn.sigmoid(outputs[t]) - getattr(rows, t) for t in tasks])

    def loss(self, params: PyTree, rows: Patterns) -> Array:
        return 0.5 * jnp.sum(self.errors(params, rows) ** 2)

    def rmse(self, params: PyTree, rows: Patterns) -> Array:
        """Of F1."""
        return jnp.sqrt(jnp.mean(self.errors(params, rows)[0] ** 2))


@functools.cache
def _training(variant: str, patterns: int, epochs: int):
    """(key, learning rate, momentum) -> error and epoch, compiled once."""
    network = _Network.of(variant)

    @jax.jit
    def run(key, learning_rate, momentum):
        data, order = jax.random.split(key)
        keys = jax.random.split(data, 4)
        train, halting, test = (
            draw_patterns(k, rows)
            for k, rows in zip(keys[:3], (TRAINING, HALTING, TEST), strict=True)
        )
        params = network.init(keys[3])
        optimizer = optax.sgd(learning_rate, momentum)

        def step(carry, index):
            params, state = carry
            rows = jax.tree.map(lambda x: x[index], train)
            gradient = jax.grad(network.loss)(params, rows)
            updates, state = optimizer.update(gradient, state, params)
            return (optax.apply_updates(params, updates), state), None

        def epoch(carry, number):
            params, state, best, error, at = carry
            key = jax.random.fold_in(order, number)
            shuffled = jax.random.permutation(key, TRAINING).reshape(-1, patterns)
            (params, state), _ = jax.lax.scan(step, (params, state), shuffled)
            found = network.rmse(params, halting)
            better = found < error
            best = jax.tree.map(lambda x, y: jnp.where(better, x, y), params, best)
            error, at = jnp.minimum(error, found), jnp.where(better, number + 1, at)
            return (params, state, best, error, at), None

        error = network.rmse(params, halting)
        start = (params, optimizer.init(params), params, error, 0)
        end, _ = jax.lax.scan(epoch, start, jnp.arange(epochs))
        return network.rmse(end[2], test), end[4]

    return run
