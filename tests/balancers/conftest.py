"""Jacobians of every kind that a solver should not stumble over."""

import numpy as np
import pytest

KINDS = ("full", "deficient", "nearly_dependent", "duplicates", "spread", "zero_row")


@pytest.fixture
def jacobian():
    """`jacobian(kind, num_tasks, seed) -> J [T, n]` in float64."""

    def draw(kind: str, tasks: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng((seed, tasks, KINDS.index(kind)))
        width = 2 * tasks + 3
        rows = rng.standard_normal((tasks, width))
        if kind == "deficient":
            rank = max(1, tasks // 2)
            # A common part keeps 0 out of the convex hull, where methods are ill-posed.
            basis = rng.standard_normal((rank, width))
            rows = rng.standard_normal((tasks, rank)) @ basis
            rows += 3.0 * rows[0]
        if kind == "nearly_dependent":
            rows = rng.standard_normal(width) + 1e-2 * rows
        if kind == "duplicates":
            rows[tasks // 2 :] = rows[-1]
        if kind == "spread":
            rows *= rng.permutation(np.logspace(-4, 0, tasks))[:, None]
        if kind == "zero_row":
            rows[0] = 0.0
        return rows

    return draw


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param
