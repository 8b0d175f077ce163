"""What a step on one task does to the losses of the others."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtlx.gradients.parameters import Flat
from mtlx.types import Array, Float


def task_affinity(
    loss_fn: Callable[[Flat], Array],
    shared: Flat,
    learning_rate: float | Float[Array, ""],
) -> tuple[Float[Array, "tasks tasks"], Float[Array, "tasks"]]:
    """Z_ij = 1 - L_j(theta - eta grad L_i) / L_j(theta), from task i onto task j.

    Above 0 the step on i lowers the loss of j. To first order it is
    eta G_ij / L_j, with G the Gram matrix of the gradients, which is symmetric; Z is
    not. All T steps are one program, by `vmap`: one forward pass, T backward passes and
    T forward passes at once, with the memory of T copies of the shared parameters.

    Args:
        loss_fn: shared parameters theta -> losses [T] of one batch; own parameters and
            dropout masks are fixed in it.
        shared: theta.
        learning_rate: eta, of a plain step of gradient descent.

    Returns:
        Z [T, T], and the losses [T] at theta. Column j is 0 where L_j is not above 0:
        the ratio means nothing there.

    Reference: Fifty et al., "Efficiently Identifying Task Groupings for Multi-Task
    Learning" (TAG), NeurIPS 2021, equation 1. The authors' code divides by eta; the
    paper does not, nor do we: divide by it to compare.

    >>> def losses(theta):  # (theta - 1)^2 and (theta + 1)^2
    ...     return jnp.square(theta["x",] - jnp.array([1.0, -1.0]))
    >>> affinity, _ = task_affinity(losses, {("x",): jnp.array(0.0)}, 0.25)
    >>> affinity.tolist()  # steps to 1/2 and -1/2: losses 1/4 and 9/4
    [[0.75, -1.25], [-1.25, 0.75]]
    """
    losses, pull = jax.vjp(loss_fn, shared)

    def after(cotangent):
        (gradient,) = pull(cotangent)
        moved = jax.tree.map(lambda p, g: p - learning_rate * g, shared, gradient)
        return loss_fn(moved)

    ahead = jax.vmap(after)(jnp.eye(losses.size, dtype=losses.dtype))
    known = losses > 0
    # The difference first: of a short step the ratio is 1 but for its last digits.
    lowered = (losses[None, :] - ahead) / jnp.where(known, losses, 1.0)[None, :]
    return jnp.where(known[None, :], lowered, 0.0), losses
