"""Dropout whose rate may be an argument of the program."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.types import Array


def check_rate(owner: str, rate: float | Array) -> None:
    """Refuses a rate outside [0, 1); one that is traced is not looked at.

    Args:
        owner: whose rate it is, for the error message.
        rate: share of the entries set to zero.

    Raises:
        ValueError: such a rate.
    """
    if isinstance(rate, int | float) and not 0.0 <= rate < 1.0:
        raise ValueError(
            f"{owner}: expected dropout_rate in [0, 1), found {rate}; it is the share "
            f"that is dropped, not kept."
        )


class Dropout(nn.Dropout):
    """linen's dropout, where a traced rate is allowed too.

    linen decides in Python whether the rate is 0 or 1, and so needs a number. For the
    same rate and key both draw the same mask.

    Args:
        rate: share of the entries set to zero, in [0, 1).
        deterministic: keep all.
    """

    rate: float | Array

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if isinstance(self.rate, int | float):
            return super().__call__(x)
        if self.deterministic:
            return x
        keep = 1.0 - self.rate
        kept = jax.random.bernoulli(self.make_rng("dropout"), keep, x.shape)
        return jnp.where(kept, x / keep.astype(x.dtype), jnp.zeros_like(x))
