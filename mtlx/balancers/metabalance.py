"""MetaBalance, auxiliary gradients as long as the main one (He et al. 2022)."""

from typing import NamedTuple

import jax.numpy as jnp

from mtlx.balancers.base import Number, choose, masked_gram, present_mask, require
from mtlx.types import Array, Balancer


class MetaBalanceState(NamedTuple):
    """Running means of the gradient norms."""

    norms: Array  # [T] m
    seen: Array  # [T] bool, m_i holds a batch


def metabalance(
    main_task: int = 0,
    relax: Number = 0.7,
    strategy: str = "C",
    decay: Number = 0.9,
) -> Balancer:
    """w_i = relax m_main / m_i + (1 - relax), m being running means of the norms.

    m_i <- decay m_i + (1 - decay) |g_i|, from m_i = 0, this step's norm included. The
    main task has weight 1; relax = 0 is the plain sum, relax = 1 makes all gradients as
    long as the main one on average. The weights' sum follows the norms.

    Args:
        main_task: the index of the task that the others help.
        relax: r in [0, 1].
        strategy: "A" shortens the gradients with m_i > m_main only, "B" lengthens those
            with m_i < m_main only, "C" does both.
        decay: in [0, 1).

    Raises:
        ValueError: an unknown strategy; `main_task` is no index of a task; (from
            `update`) `signals.gram` is None or misshapen.

    Reference: "MetaBalance: Improving Multi-Task Recommendations via Adapting Gradient
    Magnitudes of Auxiliary Tasks", WWW 2022, where norms are taken for each tensor of
    the shared parameters; here over all that the Gram matrix was measured on. An absent
    task keeps its m. Where the main task has not been seen, or m_i = 0, the weight is
    1. As m starts from 0 for all, the bias of its start drops out of the ratio of tasks
    that were present in the same batches.
    """
    choose("metabalance", "strategy", strategy, ("A", "B", "C"))

    def init(num_tasks):
        if not 0 <= main_task < num_tasks:
            raise ValueError(
                f"Balancer 'metabalance': expected main_task to be an index of the "
                f"{num_tasks} tasks, 0 to {num_tasks - 1}, found {main_task}."
            )
        return MetaBalanceState(
            jnp.zeros(num_tasks, jnp.float32), jnp.zeros(num_tasks, bool)
        )

    def update(signals, state, *, key=None):
        del key
        require("metabalance", signals, "gram")
        present = present_mask(signals)
        latest = jnp.sqrt(jnp.maximum(jnp.diagonal(masked_gram(signals)), 0.0))
        moved = decay * state.norms + (1.0 - decay) * latest
        norms = jnp.where(present, moved, state.norms)
        seen = state.seen | present
        main = norms[main_task]
        moves = {"A": norms > main, "B": norms < main, "C": norms != main}[strategy]
        ratio = main / jnp.where(norms > 0, norms, 1.0)
        balanced = relax * ratio + (1.0 - relax)
        moves = moves & (norms > 0) & seen[main_task]
        weights = jnp.where(present, jnp.where(moves, balanced, 1.0), 0.0)
        return weights, MetaBalanceState(norms, seen)

    return Balancer(init, update, frozenset({"gram"}))
