"""RLW, random loss weighting (Lin, Ye, Zhang & Tsang 2022)."""

import jax
import jax.numpy as jnp

from mtlx.balancers.base import choose, masked_softmax, present_mask, require, stateless
from mtlx.types import Balancer


def rlw(distribution: str = "normal") -> Balancer:
    """Weights drawn anew at every step, on the simplex.

    w = softmax(z), z_i ~ N(0, 1); or w ~ Dirichlet(1), uniform on the simplex. Either
    way E[w] = 1 / T and the weights sum to 1: in expectation this is `equal` with
    "mean", so under SGD its learning rate is T times smaller than that of the sum.

    Args:
        distribution: "normal" or "dirichlet".

    Raises:
        ValueError: another distribution; no key.

    Reference: "Reasonable Effectiveness of Random Weighting: A Litmus Test for
    Multi-Task Learning", TMLR 2022. Its random gradient weighting (RGW) draws the same
    weights and leaves own parameters alone; as no balancer touches those here, RLW and
    RGW are one rule. A task's draw depends on the key and its rank among the tasks
    present, so masking a task is removing it.
    """
    choose("rlw", "distribution", distribution, ("normal", "dirichlet"))

    def draw(key):
        if distribution == "normal":
            return jax.random.normal(key)
        # Exponentials over their sum are Dirichlet(1); this is their logarithm.
        return -jax.random.gumbel(key)

    def weigh(signals, key):
        require("rlw", signals, key=key)
        present = present_mask(signals)
        rank = jnp.cumsum(present) - 1
        keys = jax.vmap(lambda number: jax.random.fold_in(key, number))(rank)
        return masked_softmax(jax.vmap(draw)(keys), present)

    return stateless(weigh, frozenset({"key"}))
