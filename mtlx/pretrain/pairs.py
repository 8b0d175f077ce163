"""Pairs of a word and one near it, as word2vec draws them."""

import jax
import jax.numpy as jnp

from mtlx.types import Array, Bool, Float, Int, PRNGKeyArray

UNKNOWN = 0


def keep_rates(
    counts: Float[Array, "words"], threshold: float
) -> Float[Array, "words"]:
    """P(keep w) = min(1, sqrt(t / f(w))), f(w) its share of all words; 0 for unknown.

    Reference: Mikolov et al. 2013b, equation 5 (which gives 1 - P).
    """
    share = counts / jnp.maximum(jnp.sum(counts), 1.0)
    rates = jnp.minimum(1.0, jnp.sqrt(threshold / jnp.maximum(share, 1e-12)))
    return rates.at[UNKNOWN].set(0.0)


def noise_steps(counts: Float[Array, "words"], power: float) -> Float[Array, "words"]:
    """Cumulative P(w) = U(w)^power / Z of the words that negatives are drawn from."""
    weights = (counts**power).at[UNKNOWN].set(0.0)
    return jnp.cumsum(weights) / jnp.sum(weights)


def draw_noise(
    key: PRNGKeyArray, steps: Float[Array, "words"], shape: tuple[int, ...]
) -> Int[Array, "..."]:
    """Words drawn from the distribution that `steps` accumulates."""
    drawn = jnp.searchsorted(steps, jax.random.uniform(key, shape), side="right")
    return jnp.minimum(drawn, steps.shape[0] - 1)


def draw_pairs(
    key: PRNGKeyArray,
    ids: Int[Array, "rows length"],
    keep: Float[Array, "words"],
    window: int,
) -> tuple[
    Int[Array, "rows length"],
    Int[Array, "rows length contexts"],
    Bool[Array, "rows length contexts"],
]:
    """Words, the words around each, and which of those pairs count.

    Words are first left out of the text at random, the frequent ones more often, so
    that a window reaches over them; then each word draws how far it looks, 1 to
    `window` to either side.

    Returns:
        words [R, L], contexts [R, L, 2 window] and whether the pair counts.
    """
    sampling, looking = jax.random.split(key)
    kept = jax.random.uniform(sampling, ids.shape) < keep[jnp.maximum(ids, 0)]
    kept &= ids >= 0
    order = jnp.argsort(~kept, axis=1, stable=True)
    words = jnp.take_along_axis(jnp.where(kept, ids, -1), order, axis=1)
    reach = jax.random.randint(looking, ids.shape, 1, window + 1)
    near = jnp.concatenate([jnp.arange(-window, 0), jnp.arange(1, window + 1)])
    place = jnp.arange(ids.shape[1])[:, None] + near[None]
    inside = (place >= 0) & (place < ids.shape[1])
    contexts = words[:, jnp.clip(place, 0, ids.shape[1] - 1)]
    counts = inside[None] & (contexts >= 0) & (words >= 0)[..., None]
    counts &= jnp.abs(near)[None, None] <= reach[..., None]
    return words, contexts, counts
