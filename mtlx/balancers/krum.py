"""Krum and Multi-Krum, the mean of the least outlying gradients (Blanchard 2017)."""

import jax.numpy as jnp

from mtlx.balancers.base import Number, masked_gram, present_mask, require, stateless
from mtlx.types import Array, Balancer


def krum(num_byzantine: Number = 1, num_selected: Number = 1) -> Balancer:
    """w = 1 / m for the m gradients that are closest to their neighbours, else 0.

    The score of task i is the sum of its T - f - 2 least squared distances |g_i -
    g_j|^2 = G_ii + G_jj - 2 G_ij, with f = `num_byzantine`; the m = `num_selected`
    least scores are taken. The weights sum to 1.

    Args:
        num_byzantine: f, gradients that may be arbitrary; >= 0.
        num_selected: m >= 1; 1 is Krum, more Multi-Krum.

    Raises:
        ValueError: `signals.gram` is None or misshapen.

    Reference: "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent",
    NeurIPS 2017, where the gradients are workers', and T > 2 f + 2 is asked for. Here
    at least one neighbour counts, however few tasks there are, and m is at most T.
    Tasks that tie for the last place share it, where the paper picks any: with T - f -
    2 = 1 the two that are closest to each other always tie.
    """

    def weigh(signals, key):
        del key
        require("krum", signals, "gram")
        present = present_mask(signals)
        count = jnp.sum(present)
        neighbours = jnp.maximum(count - num_byzantine - 2, 1)
        scores = _scores(masked_gram(signals), present, neighbours)
        return _shares(scores, present, jnp.clip(num_selected, 1, count))

    return stateless(weigh, frozenset({"gram"}))


def _scores(gram: Array, present: Array, neighbours: Array) -> Array:
    """[T], the sums of distances to the nearest neighbours; inf where absent."""
    largest = jnp.max(jnp.diagonal(gram))
    unit = gram / jnp.where(largest > 0, largest, 1.0)
    squared = jnp.diagonal(unit)
    distances = squared[:, None] + squared[None, :] - 2.0 * unit
    others = present[None, :] & ~jnp.eye(present.size, dtype=bool)
    ranked = jnp.sort(jnp.where(others, distances, jnp.inf), axis=1)
    counted = jnp.arange(present.size)[None, :] < neighbours
    # Of the only task present no neighbour is left to count.
    near = jnp.where(counted & jnp.isfinite(ranked), ranked, 0.0)
    return jnp.where(present, jnp.sum(near, axis=1), jnp.inf)


def _shares(scores: Array, present: Array, selected: Array) -> Array:
    """1 / m for scores below the m-th, and its ties share what is left."""
    places = jnp.arange(scores.size)
    last = jnp.max(jnp.where(places < selected, jnp.sort(scores), -jnp.inf))
    below, tied = present & (scores < last), present & (scores == last)
    left = (selected - jnp.sum(below)) / jnp.maximum(jnp.sum(tied), 1)
    shares = jnp.where(below, 1.0, jnp.where(tied, left, 0.0))
    return shares.astype(jnp.float32) / jnp.maximum(selected, 1)
