"""Clippy, updates clipped relative to the parameters (Tang et al. 2023)."""

import jax
import jax.numpy as jnp
import optax

from mtlx.balancers.base import Number


def clippy(relative: Number = 0.5, absolute: Number = 0.01):
    """One factor a leaf, so that no element moves by more than it may.

    The update delta of a leaf theta becomes sigma delta with sigma = min(1, min_k
    (relative |theta_k| + absolute) / |delta_k|): then |sigma delta_k| <= relative
    |theta_k| + absolute for every k, and the direction is kept. It goes last in a
    chain, where the update already holds the learning rate.

    Args:
        relative: part of |theta_k| that an element may move by.
        absolute: what it may move by where theta_k = 0.

    Raises:
        ValueError: `update` is called without the parameters.

    Reference: "Improving Training Stability for Multitask Ranking Models in Recommender
    Systems", KDD 2023, Algorithm 1; defaults of the authors' `ClippyAdagrad`.
    """

    def update(updates, state, params=None):
        if params is None:
            raise ValueError(
                "Optimizer 'clippy' expected the parameters, found None. Call "
                "update(gradients, state, params)."
            )

        def clip(delta, theta):
            bound = relative * jnp.abs(theta) + absolute
            size = jnp.abs(delta)
            moves = size > 0
            ratio = jnp.where(moves, bound / jnp.where(moves, size, 1.0), 1.0)
            return delta * jnp.minimum(1.0, jnp.min(ratio, initial=1.0))

        return jax.tree.map(clip, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def clippy_adagrad(
    learning_rate: optax.ScalarOrSchedule,
    relative: Number = 0.5,
    absolute: Number = 0.01,
    initial_accumulator_value: float = 0.1,
) -> optax.GradientTransformation:
    """Adagrad, the optimizer of Clippy's paper, with `clippy` behind it.

    Args:
        learning_rate: of Adagrad; a number or a schedule.
        relative, absolute: see `clippy`.
        initial_accumulator_value: of Adagrad's sum of squares.

    Reference: as `clippy`. The accumulator adds the unclipped gradients, as by default
    in the authors' code.
    """
    adagrad = optax.adagrad(learning_rate, initial_accumulator_value)
    return optax.chain(adagrad, clippy(relative, absolute))
