"""Linear multi-task regression through one hidden unit: what weights cannot reach.

Of k standardised targets with least-squares fits yhat_i, a network of width 1 fits the
directions z in the span of the fits: it explains (z' yhat_i)^2 of task i. Everything
is a function of the Gram matrix K_ij = yhat_i' yhat_j.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.types import Array, Float

__all__ = ["best_worst_task", "explained_by_weights", "reaches_everything"]


def explained_by_weights(
    gram: Float[Array, "tasks tasks"], weights: Float[Array, "points tasks"]
) -> Float[Array, "points tasks"]:
    """What the optimum of each linear scalarisation explains of every task.

    The minimiser of sum_i w_i MSE_i is the top eigenvector of Yhat diag(w) Yhat'; with
    lambda, v those of diag(sqrt w) K diag(sqrt w) it explains

        e_i = (K diag(sqrt w) v)_i^2 / lambda.

    Args:
        gram: K, positive semi-definite.
        weights: w >= 0, not all 0. Where the largest eigenvalue is double, every vector
            of its plane is an optimum and one of them is taken.

    Reference: Hu et al., "Revisiting Scalarization in Multi-Task Learning: A
        Theoretical Perspective", NeurIPS 2023 (q = 1).
    """

    def one(w):
        roots = jnp.sqrt(w)
        values, vectors = jnp.linalg.eigh(roots[:, None] * gram * roots[None, :])
        return jnp.square(gram @ (roots * vectors[:, -1])) / values[-1]

    return jax.vmap(one)(weights)


def best_worst_task(gram: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest min_i (z' yhat_i)^2 over all directions z, in closed form.

    With s = Yhat' z the constraint |z| = 1 is s' K^-1 s = 1, so the answer is 1 over
    the least s' K^-1 s with all |s_i| >= 1. For given signs that is a quadratic program
    whose bound entries A are at +-1 and the others at K_FA K_AA^-1 s_A, where it is
    s_A' K_AA^-1 s_A: all A and signs are gone through, 3^k of them.

    Args:
        gram: K [k, k], positive definite; on the host, in float64.

    Returns:
        The value, and what this direction explains of each task.

    Raises:
        ValueError: no symmetric, positive definite matrix.
    """
    gram = np.asarray(gram, np.float64)
    tasks = len(gram)
    if gram.shape != (tasks, tasks) or not np.allclose(gram, gram.T):
        raise ValueError(f"Expected a symmetric matrix, found shape {gram.shape}.")
    if np.linalg.eigvalsh(gram)[0] <= 0:
        raise ValueError(
            "Expected a positive definite Gram matrix, found an eigenvalue of 0 or "
            "less. Leave out the tasks that are combinations of others."
        )
    best = max(
        (
            found
            for size in range(1, tasks + 1)
            for bound in itertools.combinations(range(tasks), size)
            for signs in itertools.product((1.0, -1.0), repeat=size - 1)
            if (found := _at(gram, list(bound), np.array([1.0, *signs]))) is not None
        ),
        key=lambda found: found[0],
    )
    return best


def reaches_everything(gram: np.ndarray) -> bool:
    """Whether scalarisation of three tasks reaches every Pareto point of width 1.

    It does if and only if the signs of the targets can be flipped so that no entry of
    K is negative; for three tasks that is K_12 K_13 K_23 >= 0.

    Raises:
        ValueError: no 3 x 3 matrix.

    Reference: as `explained_by_weights`, the multi-surface structure of section 3.
    """
    gram = np.asarray(gram)
    if gram.shape != (3, 3):
        raise ValueError(f"Expected the Gram matrix of 3 tasks, found {gram.shape}.")
    return bool(gram[0, 1] * gram[0, 2] * gram[1, 2] >= 0)


def _at(gram, bound: list[int], signs: np.ndarray):
    """(value, explained) with these entries at the bound; None: others are below."""
    solved = np.linalg.solve(gram[np.ix_(bound, bound)], signs)
    entries = gram[:, bound] @ solved
    if np.min(np.abs(entries)) < 1.0 - 1e-9:
        return None
    least = float(signs @ solved)
    return 1.0 / least, entries**2 / least
