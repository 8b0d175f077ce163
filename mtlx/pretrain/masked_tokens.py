"""A text encoder trained to guess the tokens that were taken away."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import traverse_util

from mtlx.models.encoders.text_transformer import TextTransformer
from mtlx.pretrain.corruption import corrupt
from mtlx.pretrain.masked_model import MaskedModel
from mtlx.types import Field, Int, PRNGKeyArray

WARM_UP = 0.1  # of the steps


class MaskedTokens(NamedTuple):
    """Trained parameters, and the mean loss of each epoch [epochs]."""

    values: dict[str, np.ndarray]
    losses: np.ndarray


def masked_tokens(
    ids: Int[np.ndarray, "rows length"],
    field: Field,
    key: PRNGKeyArray,
    *,
    encoder: TextTransformer,
    dim: int = 64,
    share: float = 0.15,
    epochs: int = 10,
    batch_rows: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
) -> MaskedTokens:
    """BERT's first task on the texts of a training split; no pairs of sentences.

    Args:
        ids: padded ids of the texts.
        field: of those ids.
        key: of initial values, order and draws.
        encoder: what is trained, as the model will have it.
        dim: width of the ids' vectors, which has to be `encoder.embedding_dim`.
        share: of the tokens that are to be guessed, see `corrupt`.
        epochs, batch_rows, learning_rate, weight_decay: of AdamW, with a rate that
            rises over the first tenth of the steps and then falls to 0 (here along a
            cosine, in the paper linearly).

    Returns:
        `values` under the names of the encoder's parameters, for `save_start`: the
        table and the blocks. The layers that only guess are dropped.

    Raises:
        ValueError: fewer rows than a batch, or a number below 1.

    Reference: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for
    Language Understanding", NAACL 2019, section 3.1 and appendix A.2.
    """
    smallest = min(dim, epochs, batch_rows)
    if smallest < 1 or len(ids) < batch_rows:
        raise ValueError(
            f"masked_tokens: expected numbers >= 1 and at least "
            f"batch_rows={batch_rows} texts, found {smallest} as the smallest and "
            f"{len(ids)} texts."
        )
    (size,) = field.sizes
    model = MaskedModel(size=size, dim=dim, encoder=encoder)
    steps = len(ids) // batch_rows * epochs
    schedule = optax.schedules.warmup_cosine_decay_schedule(
        0.0, learning_rate, max(1, int(WARM_UP * steps)), steps
    )
    optimizer = optax.adamw(schedule, weight_decay=weight_decay)
    rows = jnp.asarray(ids)
    init_key, draw_key, run_key = jax.random.split(key, 3)
    first = corrupt(draw_key, rows[:batch_rows], size, share)
    params = jax.jit(model.init)(init_key, first)["params"]
    epoch = jax.jit(
        functools.partial(
            _epoch, model=model, optimizer=optimizer, batch_rows=batch_rows, share=share
        )
    )
    state, losses = (params, optimizer.init(params)), []
    for key in jax.random.split(run_key, epochs):
        state, loss = epoch(state, rows, key)
        losses.append(float(loss))
    return MaskedTokens(_of_encoder(state[0], field.name), np.array(losses))


def _of_encoder(params, field: str) -> dict[str, np.ndarray]:
    stack = traverse_util.flatten_dict({"stack": params["stack"]}, sep="/")
    values = {f"{field}/encoder/{name}": np.asarray(v) for name, v in stack.items()}
    return values | {f"{field}/embedding": np.asarray(params["embedding"])}


def _epoch(state, rows, key, *, model, optimizer, batch_rows, share):
    """One pass over the rows in a fresh order, with fresh places; mean loss."""
    order_key, draw_key = jax.random.split(key)
    steps = len(rows) // batch_rows
    order = jax.random.permutation(order_key, len(rows))[: steps * batch_rows]

    def step(state, inputs):
        (params, opt_state), (numbers, key) = state, inputs
        corrupt_key, dropout_key = jax.random.split(key)
        text = corrupt(corrupt_key, rows[numbers], model.size, share)

        def loss(params):
            rngs = {"dropout": dropout_key}
            return model.apply({"params": params}, text, train=True, rngs=rngs)

        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    keys = jax.random.split(draw_key, steps)
    state, losses = jax.lax.scan(step, state, (order.reshape(steps, batch_rows), keys))
    return state, jnp.mean(losses)
