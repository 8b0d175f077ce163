"""Orders in which a task goes through the others, one row a task."""

import jax
import jax.numpy as jnp

from mtlx.types import Array, Bool, Int, PRNGKeyArray

PAIRS = 1 << 16  # numbers the pairs of tasks alike, however many tasks there are


def listed_orders(present: Bool[Array, "tasks"]) -> Int[Array, "tasks tasks"]:
    """Every task goes through the tasks in the order of their list."""
    tasks = jnp.arange(present.size)
    return jnp.broadcast_to(tasks[None, :], (present.size, present.size))


def random_orders(
    key: PRNGKeyArray, present: Bool[Array, "tasks"]
) -> Int[Array, "tasks tasks"]:
    """Row i is a random order of the tasks, for task i to go through.

    A task's place depends on the key and its rank among the tasks present, so masking a
    task is removing it.
    """
    rank = jnp.cumsum(present) - 1
    pair = PAIRS * rank[:, None] + rank[None, :]

    def draw(number):
        return jax.random.bits(jax.random.fold_in(key, number))

    return jnp.argsort(jax.vmap(jax.vmap(draw))(pair), axis=1)
