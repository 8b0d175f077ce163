"""Word vectors by skip-gram with negative sampling."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtlx.pretrain.pairs import draw_noise, draw_pairs, keep_rates, noise_steps
from mtlx.types import Array, Field, Float, Int, PRNGKeyArray

Vectors = dict[str, Array]  # "word" and "context" [V, D]
NOISE_POWER = 0.75


class SkipGram(NamedTuple):
    """Vectors [V, D] and the mean loss of a pair in each epoch [epochs]."""

    values: dict[str, np.ndarray]
    losses: np.ndarray


def skip_gram(
    ids: Int[np.ndarray, "rows length"],
    field: Field,
    key: PRNGKeyArray,
    *,
    dim: int = 64,
    window: int = 5,
    negatives: int = 5,
    threshold: float = 1e-3,
    epochs: int = 5,
    batch_rows: int = 32,
    learning_rate: float = 3e-3,
) -> SkipGram:
    """Vectors that tell the words near a word from words drawn at random.

        - log sigma(u_c . v_w) - sum_{i=1..k} log sigma(-u_{n_i} . v_w),  n_i ~ U^(3/4)

    for every pair (w, c) of `draw_pairs`. A negative that is c itself is left out, as
    in the authors' programme. Id 0 and words that the texts do not hold keep their
    initial vectors.

    Args:
        ids: padded ids of the training split's texts.
        field: of those ids; its encoder's table is what is trained.
        key: of initial values, order and draws.
        dim: width D, which has to be the encoder's `embedding_dim`.
        window: farthest context w.
        negatives: k, of each pair.
        threshold: t of the subsampling of frequent words; in the paper about 1e-5 for
            10^9 words, more for fewer.
        epochs, batch_rows, learning_rate: of Adam. The paper has plain descent, a pair
            at a time, with a falling rate.

    Returns:
        `values` under the names of the encoder's parameters, for `save_start`.

    Raises:
        ValueError: fewer rows than a batch, or a number below 1.

    Reference:
        Mikolov et al., "Distributed Representations of Words and Phrases and their
        Compositionality", NeurIPS 2013, equations 4 and 5, sections 2.2 and 2.3; the
        drawn window is that of "Efficient Estimation of Word Representations in Vector
        Space", 2013, section 3.2.
    """
    smallest = min(dim, window, negatives, epochs, batch_rows)
    if smallest < 1 or len(ids) < batch_rows:
        raise ValueError(
            f"skip_gram: expected numbers >= 1 and at least batch_rows={batch_rows} "
            f"texts, found {smallest} as the smallest and {len(ids)} texts."
        )
    (size,) = field.sizes
    known = np.asarray(ids)[np.asarray(ids) > 0]
    counts = jnp.asarray(np.bincount(known, minlength=size), jnp.float32)
    init_key, run_key = jax.random.split(key)
    optimizer = optax.adam(learning_rate)
    word = jax.random.uniform(init_key, (size, dim), minval=-0.5, maxval=0.5) / dim
    vectors = {"word": word, "context": jnp.zeros((size, dim))}
    epoch = jax.jit(
        functools.partial(
            _epoch,
            optimizer=optimizer,
            window=window,
            negatives=negatives,
            batch_rows=batch_rows,
        )
    )
    rates = keep_rates(counts, threshold), noise_steps(counts, NOISE_POWER)
    state, losses = (vectors, optimizer.init(vectors)), []
    for key in jax.random.split(run_key, epochs):
        state, loss = epoch(state, jnp.asarray(ids), *rates, key)
        losses.append(float(loss))
    table = np.asarray(state[0]["word"])
    return SkipGram({f"{field.name}/embedding": table}, np.array(losses))


def _epoch(state, ids, keep, noise, key, *, optimizer, window, negatives, batch_rows):
    """One pass over the rows in a fresh order; mean loss of its pairs."""
    order_key, draw_key = jax.random.split(key)
    order = jax.random.permutation(order_key, len(ids))
    steps = len(ids) // batch_rows
    batches = order[: steps * batch_rows].reshape(steps, batch_rows)

    def step(state, inputs):
        (vectors, opt_state), (rows, key) = state, inputs
        pair_key, noise_key = jax.random.split(key)
        words, contexts, counts = draw_pairs(pair_key, ids[rows], keep, window)
        drawn = draw_noise(noise_key, noise, (*contexts.shape, negatives))
        loss, grads = jax.value_and_grad(_loss)(vectors, words, contexts, counts, drawn)
        updates, opt_state = optimizer.update(grads, opt_state)
        return (optax.apply_updates(vectors, updates), opt_state), loss

    inputs = (batches, jax.random.split(draw_key, steps))
    state, losses = jax.lax.scan(step, state, inputs)
    return state, jnp.mean(losses)


def _loss(
    vectors: Vectors, words: Array, contexts: Array, counts: Array, drawn: Array
) -> Float[Array, ""]:
    """Mean over the pairs that count."""
    v = vectors["word"][jnp.maximum(words, 0)]
    u = vectors["context"][jnp.maximum(contexts, 0)]
    noise = vectors["context"][drawn]
    agree = jax.nn.log_sigmoid(jnp.einsum("rld,rlcd->rlc", v, u))
    differ = jax.nn.log_sigmoid(-jnp.einsum("rld,rlckd->rlck", v, noise))
    differ = jnp.where(drawn == contexts[..., None], 0.0, differ)
    total = jnp.where(counts, agree + jnp.sum(differ, axis=-1), 0.0)
    return -jnp.sum(total) / jnp.maximum(jnp.sum(counts), 1)
