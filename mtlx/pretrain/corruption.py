"""Which tokens of a text are to be guessed, and what is put in their place."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.types import Array, Int, PRNGKeyArray

MASKED, RANDOM = 0.8, 0.1  # of the chosen tokens; the others stay as they are


class Corrupted(NamedTuple):
    """A text with places to guess."""

    ids: Array  # [B, L] int32; the number of ids, V, is the mask; -1 is padding
    places: Array  # [B, K] int32 positions
    targets: Array  # [B, K] int32 ids that stood there
    counts: Array  # [B, K] bool: a short text has fewer than K


def corrupt(
    key: PRNGKeyArray, ids: Int[Array, "batch length"], size: int, share: float = 0.15
) -> Corrupted:
    """Chooses max(1, round(share n)) of the n tokens of each row, without replacement.

    Of these 80 % become the mask, 10 % an id drawn from 1 .. size - 1 (the word itself
    among them), 10 % stay.

    Args:
        key: of all draws.
        ids: [B, L], padding -1.
        size: number of ids V.
        share: of a text's tokens that are chosen.

    Reference: Devlin et al., "BERT", NAACL 2019, section 3.1.
    """
    choose, split, draw = jax.random.split(key, 3)
    rows, length = ids.shape
    most = max(1, round(share * length))
    tokens = jnp.sum(ids >= 0, axis=1)
    noise = jnp.where(ids >= 0, jax.random.uniform(choose, ids.shape), -1.0)
    places = jax.lax.top_k(noise, most)[1]
    wanted = jnp.clip(jnp.round(share * tokens), 1, most).astype(int)
    counts = jnp.arange(most)[None] < jnp.minimum(wanted, tokens)[:, None]
    targets = jnp.take_along_axis(ids, places, axis=1)
    kind = jax.random.uniform(split, places.shape)
    drawn = jax.random.randint(draw, places.shape, 1, size)
    new = jnp.where(kind < MASKED + RANDOM, drawn, targets)
    new = jnp.where(kind < MASKED, size, new)
    new = jnp.where(counts, new, targets)
    row = jnp.broadcast_to(jnp.arange(rows)[:, None], places.shape)
    return Corrupted(ids.at[row, places].set(new), places, targets, counts)
