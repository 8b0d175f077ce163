"""A text encoder that guesses tokens."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.encoders.text_transformer import TextTransformer
from mtlx.pretrain.corruption import Corrupted
from mtlx.types import Array, Float

INIT_STDDEV = 0.05  # of the encoder's tables


class MaskedModel(nn.Module):
    """log softmax(E LayerNorm(gelu(W s_l + b)) + c) of each place l to guess.

    E [V, D] is the table that the text is read from, too.

    Args:
        size: number of ids V.
        dim: width D of their vectors.
        encoder: the text encoder; its blocks are trained, under the names that they
            have in it.

    Returns:
        The mean of - log p(target) over the places that count.
    """

    size: int
    dim: int
    encoder: TextTransformer

    @nn.compact
    def __call__(self, text: Corrupted, *, train: bool = False) -> Float[Array, ""]:
        init = nn.initializers.normal(INIT_STDDEV)
        table = self.param("embedding", init, (self.size, self.dim))
        hidden = self.param("mask", init, (1, self.dim))
        ids, mask = text.ids, text.ids >= 0
        rows = jnp.concatenate([table, hidden])
        vectors = jnp.where(mask[..., None], rows[jnp.maximum(ids, 0)], 0.0)
        states = self.encoder.stack()(vectors, mask, train=train)[:, 1:]
        read = jnp.take_along_axis(states, text.places[..., None], axis=1)
        guess = nn.gelu(nn.Dense(self.dim, name="guess")(read))
        guess = nn.LayerNorm(name="guess_norm")(guess)
        bias = self.param("bias", nn.initializers.zeros, (self.size,))
        scores = jax.nn.log_softmax(guess @ table.T + bias[None, None])
        targets = jnp.maximum(text.targets, 0)[..., None]
        found = jnp.take_along_axis(scores, targets, axis=-1)[..., 0]
        total = jnp.sum(jnp.where(text.counts, found, 0.0))
        return -total / jnp.maximum(jnp.sum(text.counts), 1)
