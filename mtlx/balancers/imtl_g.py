"""IMTL-G, impartial gradients (Liu et al. 2021)."""

import jax.numpy as jnp

from mtlx.balancers.base import canonical_order, masked_gram, require, stateless
from mtlx.balancers.solvers_spectral import cosines, equal_cosines
from mtlx.types import Array, Balancer

RESOLUTION = 1e-6  # of sum_i |v_i|: a smaller |sum_i v_i| is rounding


def imtl_g() -> Balancer:
    """Equal projections of the direction onto all gradients: (G w)_i / |g_i| = const.

    w = v / sum(v), v = D^-1 C^+ 1, with D = diag(|g_i|) and the cosines C = D^-1 G
    D^-1; that is v = G^-1 (|g_1|, ..., |g_T|) where G is regular. The weights sum to 1.
    For T = 2, w_i is proportional to 1 / |g_i|. For T > 2 weights can be negative, and
    sum(v) can come close to 0 and make them large: the method is not a safe one. The
    weights are 0 where sum(v) is 0 to rounding, or where C^+ 1 is, as for gradients
    that are opposed.

    Raises:
        ValueError: `signals.gram` is None or misshapen.

    Reference: "Towards Impartial Multi-task Learning", ICLR 2021, the closed form of
    IMTL-G. There it is solved for differences from the first task, and fails where
    gradients are dependent; the pseudo-inverse gives the same where they are not, and
    is taken of C, not of G, so that it does not change with the scale of a loss. The
    paper measures the gradients of the shared representation.
    """

    def weigh(signals, key):
        del key
        require("imtl_g", signals, "gram")
        gram = masked_gram(signals)
        order = canonical_order(gram)
        weights = _solve(gram[order][:, order])
        return weights[jnp.argsort(order)]

    return stateless(weigh, frozenset({"gram"}))


def _solve(gram: Array) -> Array:
    angles = cosines(gram)
    # For two, 1 / |g_i| at any angle; a pseudo-inverse would lose opposed gradients.
    pair = gram.shape[0] == 2
    unit = angles.nonzero.astype(jnp.float32) if pair else equal_cosines(angles)
    largest = jnp.max(jnp.abs(unit / angles.norms))
    scaled = unit / angles.norms / jnp.where(largest > 0, largest, 1.0)
    total = jnp.sum(scaled)
    sound = jnp.abs(total) > RESOLUTION * jnp.sum(jnp.abs(scaled))
    return jnp.where(sound, scaled / jnp.where(sound, total, 1.0), 0.0)
