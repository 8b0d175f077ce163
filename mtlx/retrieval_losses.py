"""Losses of retrieval tasks: the item of a row against other items."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtlx.losses import categorical_cross_entropy
from mtlx.types import Array, Bool, Float, Int

Gather = Callable[[Array], Array]


def softmax_over_items(
    outputs: Float[Array, "batch 2 width"] | Float[Array, "batch items"],
    items: Int[Array, "batch"],
    where: Bool[Array, "batch"],
    gather: Gather = lambda rows: rows,
    remove_accidental_hits: bool = True,
) -> Float[Array, "batch"]:
    """-log of a row's own item's share in a softmax over the catalogue or the batch.

    Of logits [B, I] of the whole catalogue it is the plain cross-entropy. Of query and
    item vectors [B, 2, D] the candidates are the items of the batch,

        L_i = -log exp(q_i v_i) / (exp(q_i v_i) + sum_{j in C_i} exp(q_i v_j)),

    C_i the other rows that count. Items come as often as they are popular: the
    correction for that, v <- [v; -log Q], q <- [q; 1], and the temperature are the
    model's (`mtlx.models.recommendation`), since the vectors hold them.

    Args:
        outputs: query and item vectors of each row, or logits of all items.
        items: numbers of the rows' own items.
        where: rows that count; the others are neither queries nor candidates.
        gather: rows of this device -> those of all devices, the candidates.
        remove_accidental_hits: whether a row is no candidate for another row of the
            same item, as it would be a negative that is the positive.

    Returns:
        [B] float32; of a row that does not count, any finite number.

    Reference: Bengio and Senecal, "Adaptive importance sampling to accelerate training
    of a neural probabilistic language model", IEEE TNN 2008; Yi et al.,
    "Sampling-bias-corrected neural modeling for large corpus item recommendations",
    RecSys 2019, equations 3 to 5. Where the batch holds each item of a catalogue once
    it is the softmax over the catalogue. Departure: with parts of a batch
    (`trainer.accumulate`, halves of a lookahead) the candidates are those of the part.
    """
    if outputs.ndim == 2:
        known = jnp.where(where, items, 0)
        return categorical_cross_entropy(outputs, known)
    outputs = outputs.astype(jnp.float32)
    # What is in a row that does not count may be NaN, and 0 * NaN is.
    outputs = jnp.where(where[:, None, None], outputs, 0.0)
    query, vector = outputs[:, 0], outputs[:, 1]
    logits = jnp.matmul(query, gather(vector).T, precision=jax.lax.Precision.HIGHEST)
    candidate = jnp.broadcast_to(gather(where)[None], logits.shape)
    if not remove_accidental_hits:
        loss = jax.nn.logsumexp(_listed(logits, candidate), axis=1)
        return loss - jnp.sum(query * vector, axis=1)
    # With its own item's rows all gone, the row itself comes back in front.
    candidate &= items[:, None] != gather(items)[None]
    own = jnp.sum(query * vector, axis=1, keepdims=True)
    logits = jnp.concatenate([own, _listed(logits, candidate)], axis=1)
    return jax.nn.logsumexp(logits, axis=1) - own[:, 0]


def _listed(logits: Array, candidate: Array) -> Array:
    # A finite number in place of -inf: a row without any candidate has no NaN gradient.
    return jnp.where(candidate, logits, jnp.finfo(jnp.float32).min)
