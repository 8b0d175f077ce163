"""How often an item is in a batch, estimated while training."""

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.recommendation.gathered import GatheredRows
from mtlx.types import Array, Float, Int

STATE = "frequency"  # collection of the counters


class StreamingFrequency(nn.Module):
    """log Q_y = -log B_y, B_y the mean number of steps between batches with item y.

    At step t, for the items of the batch:  B_y <- (1 - alpha) B_y + alpha (t - A_y),
    A_y <- t, A_y the last step before in which y was there. B starts as it would be if
    all items were alike.

    Args:
        num_items: number of ids.
        alpha: learning rate of B.

    Returns:
        [B] of ids [B], the counters moved while training.

    Reference: Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
    recommendations", RecSys 2019, algorithm 2. Departures: a counter for each id in
    place of hashed ones, and B starts at num_items / B rows and not at 0, where the
    first estimates would be probabilities above one.
    """

    num_items: int
    alpha: float = 0.01

    @nn.compact
    def __call__(self, ids: Int[Array, "batch"], train: bool) -> Float[Array, "batch"]:
        everyone = GatheredRows(name="batch")(ids)
        shape = (self.num_items,)

        def even():
            steps = max(1.0, self.num_items / len(everyone))
            return jnp.full(shape, steps, jnp.float32)

        step = self.variable(STATE, "step", jnp.zeros, (), jnp.int32)
        last = self.variable(STATE, "last", jnp.zeros, shape, jnp.int32)
        gap = self.variable(STATE, "gap", even)
        if train and self.is_mutable_collection(STATE):
            now = step.value + 1
            found = (now - last.value[everyone]).astype(jnp.float32)
            moved = (1 - self.alpha) * gap.value[everyone] + self.alpha * found
            # Rows of one item write the same number.
            gap.value = gap.value.at[everyone].set(moved)
            last.value = last.value.at[everyone].set(now)
            step.value = now
        return -jnp.log(jnp.maximum(gap.value[ids], 1.0))
