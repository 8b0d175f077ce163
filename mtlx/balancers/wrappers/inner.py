"""What every wrapper does with the balancer inside it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtlx.balancers.base import masked_gram
from mtlx.types import Array, Balancer, Direction, Float, PyTree, Signals


def decide(
    name: str, inner: Balancer, signals: Signals, state: PyTree, key: Array | None
) -> tuple[Array, PyTree]:
    """The inner balancer's weights and its new state.

    Raises:
        ValueError: it returns a `Direction`, which no rescaling of weights can change.
    """
    decision, state = inner.update(signals, state, key=key)
    if isinstance(decision, Direction):
        raise ValueError(
            f"Wrapper {name!r} expected a balancer that returns weights [T], found one "
            f"that returns a Direction. Use that balancer without {name!r}."
        )
    return decision, state


def rescaled(
    name: str,
    inner: Balancer,
    change: Callable[[Signals, Array], Array],
    needs: frozenset[str] = frozenset(),
) -> Balancer:
    """A balancer with the weights `change(signals, weights)` and the inner state."""

    def update(signals, state, *, key=None):
        weights, state = decide(name, inner, signals, state, key)
        return change(signals, weights), state

    return Balancer(inner.init, update, inner.needs | needs, inner.observe)


def direction_norm(
    signals: Signals, weights: Float[Array, "tasks"]
) -> Float[Array, ""]:
    """|J^T w| = sqrt(w^T G w)."""
    gram = masked_gram(signals)
    image = jnp.matmul(gram, weights, precision=jax.lax.Precision.HIGHEST)
    return jnp.sqrt(jnp.maximum(jnp.sum(weights * image), 0.0))
