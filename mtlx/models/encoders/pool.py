"""Pooling without parameters."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.types import Array, Bool, Float


class Pool(nn.Module):
    """(1/n) sum_l v_l over the n positions that are not padding, or the sum alone.

    Args:
        reduce: "mean" or "sum".

    Returns:
        [B, D] of vectors [B, L, D] and mask [B, L]; zeros for a row of padding alone.

    Raises:
        ValueError: another `reduce`.
    """

    reduce: str = "mean"

    def __post_init__(self):
        if self.reduce not in ("mean", "sum"):
            raise ValueError(
                f'Pool: expected reduce to be "mean" or "sum", found {self.reduce!r}.'
            )
        super().__post_init__()

    def __call__(
        self,
        vectors: Float[Array, "batch length width"],
        mask: Bool[Array, "batch length"],
        query: Float[Array, "batch width"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch width"]:
        del query, train
        total = jnp.sum(jnp.where(mask[..., None], vectors, 0.0), axis=1)
        if self.reduce == "sum":
            return total
        count = jnp.sum(mask, axis=1, keepdims=True)
        return total / jnp.maximum(count, 1).astype(total.dtype)
