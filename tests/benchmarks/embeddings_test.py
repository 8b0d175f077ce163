"""A step of a row-wise optimizer writes nothing of the table's size."""

import numpy as np
import pytest

from benchmarks.embeddings import Run

ROWS = 20_000  # more than a batch reads


@pytest.mark.parametrize("optimizer", ["lazy_adam", "rowwise_adagrad"])
def test_the_table_is_written_in_place_alone(optimizer):
    run = Run(optimizer, ROWS, steps=2)
    assert run.passes() == []
    history = run()
    assert np.isfinite(history["loss"]).all()
    assert int(run.state.step) == 2


def test_passes_over_the_table_are_found():
    assert {"add", "multiply"} <= set(Run("adam", ROWS, steps=2).passes())
