"""Every rule on Gram matrices takes a step of 139 tasks, as many as School has."""

import jax
import numpy as np
import pytest

from tests.balancers.members import IDS, MEMBERS, build, compiled, signals

TASKS = 139


def _method(row):
    name, kwargs = MEMBERS[row]
    return name, kwargs.get("inner")


# The first row of each method: the solvers of its variants are the same.
GRAM = {
    _method(row): row
    for row in reversed(range(len(MEMBERS)))
    if "gram" in build(row).needs
}
ROWS = sorted(GRAM.values())


@pytest.mark.parametrize("row", ROWS, ids=[IDS[row] for row in ROWS])
@pytest.mark.parametrize("rank", [12, 300], ids=["deficient", "full"])
def test_a_step_of_139_tasks_is_finite_and_no_standstill(row, rank):
    """Twelve directions for 139 gradients, as in a narrow layer; and enough for all."""
    known = signals(TASKS)  # of 12 columns
    if rank > TASKS:
        rows = np.random.default_rng(0).standard_normal((TASKS, rank))
        known = known._replace(gram=(rows @ rows.T).astype(np.float32))
    weights, state = compiled(row)(known, build(row).init(TASKS), key=jax.random.key(0))
    assert weights.shape == (TASKS,) and weights.dtype == np.float32
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((weights, state)))
    weights, gram = np.float64(weights), np.float64(known.gram)
    norm = weights @ gram @ weights
    if rank > TASKS:  # independent gradients: no weights but 0 stand still
        assert norm > 1e-3 * (weights @ weights) * np.linalg.eigvalsh(gram)[0]
        assert weights @ weights > 0
    assert norm >= -1e-3 * np.abs(weights) @ np.abs(gram) @ np.abs(weights)
