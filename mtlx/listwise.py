"""Listwise losses: the rows of one group, e.g. the results of a query, are one list.

They are Rax's, an optional extra: `pip install 'mtlx[ranking]'`. A list is what a batch
holds of a group, of the counted rows alone.
"""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax.numpy as jnp

from mtlx.types import Array, Bool, Float, Int

# The value of each list, at its first row, and which rows those are.
Lists = tuple[Float[Array, "batch"], Bool[Array, "batch"]]


def softmax(
    scores: Float[Array, "batch"],
    gains: Float[Array, "batch"],
    where: Bool[Array, "batch"],
    groups: Int[Array, "batch"],
) -> Lists:
    """-sum_i y_i log softmax(s)_i over the rows i of a list, y their gains.

    Args:
        scores: [B] s.
        gains: [B] y >= 0; a list without any has loss 0.
        where: [B] the rows that count.
        groups: [B] which list a row is of.

    Returns:
        The loss of each list at its first counted row, 0 elsewhere; and which rows are
        first ones. Rax takes the mean over these.

    Raises:
        ModuleNotFoundError: Rax is not there.

    Reference: Cao et al., "Learning to Rank: From Pairwise Approach to Listwise
    Approach", ICML 2007; Jagerman et al., "Rax: Composable Learning-to-Rank Using JAX",
    KDD 2022. Gains are not scaled to sum to 1.
    """
    return _by_list(require_rax().softmax_loss, scores, gains, where, groups)


def approx_ndcg(
    scores: Float[Array, "batch"],
    gains: Float[Array, "batch"],
    where: Bool[Array, "batch"],
    groups: Int[Array, "batch"],
) -> Lists:
    """1 - sum_i y_i / log2(1 + r_i) / (the same of the best order).

    r_i = 1 + sum_{j != i} sigmoid(s_j - s_i) is the smooth rank of a row in its list.

    Args:
        scores, gains, where, groups: as in `softmax`. A list without gains has loss 1.

    Returns:
        As `softmax`.

    Raises:
        ModuleNotFoundError: Rax is not there.

    Reference: Qin, Liu, Li, "A General Approximation Framework for Direct Optimization
    of Information Retrieval Measures", Information Retrieval 13, 2010, with
    temperature 1. The gain is the label itself, as in the ESCI benchmark, not 2^y - 1.
    Put together of Rax's parts: its `approx_t12n` calls what JAX 0.10 no longer has.
    """
    rax = require_rax()
    ndcg = functools.partial(
        rax.ndcg_metric, rank_fn=rax.utils.approx_ranks, gain_fn=_itself
    )
    values, first = _by_list(ndcg, scores, gains, where, groups)
    return jnp.where(first, 1.0 - values, 0.0), first


LOSSES: dict[str, Callable[..., Lists]] = {
    "softmax": softmax,
    "approx_ndcg": approx_ndcg,
}


def require_rax() -> ModuleType:
    """The library Rax.

    Raises:
        ModuleNotFoundError: it is not there.
    """
    try:
        import rax
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "A listwise loss expected the library Rax, found none. Install it: pip "
            "install 'mtlx[ranking]'."
        ) from error
    return rax


def _by_list(of: Callable[..., Array], scores, gains, where, groups: Array) -> Lists:
    """What `of` gives for the counted rows of each group."""
    # Rax would score the other rows -inf, and the gradient of a list of such rows alone
    # is NaN. Here each of them is a list by itself, without gain, that is not read.
    _, lists = jnp.unique(groups, return_inverse=True, size=len(groups))
    lists = jnp.where(where, lists, -1 - jnp.arange(len(groups)))
    values = of(
        scores.astype(jnp.float32),
        jnp.where(where, gains.astype(jnp.float32), 0.0),
        segments=lists,
        reduce_fn=None,
    )
    same = lists[:, None] == lists[None, :]
    first = where & (jnp.argmax(same, axis=1) == jnp.arange(len(groups)))
    return jnp.where(first, values, 0.0), first


def _itself(gains: Any) -> Any:
    return gains
