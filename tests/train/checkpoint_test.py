"""What serves a model reads of a checkpoint: the selected variables, nothing else."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from mtlx.train import Checkpointer


class State(NamedTuple):
    step: jax.Array
    key: jax.Array
    params: dict
    moments: tuple


def test_the_selected_variables_alone_are_restored_on_one_device(tmp_path):
    """Not those of the last epoch; though they lay on two devices."""
    mesh = jax.make_mesh(
        (2,), ("data",), (jax.sharding.AxisType.Auto,), devices=jax.devices()[:2]
    )
    table = jax.device_put(
        jnp.arange(8.0).reshape(4, 2), NamedSharding(mesh, PartitionSpec("data"))
    )
    selected = {"params": {"encoder": {"table": table}, "bias": jnp.ones(3)}}
    last = jax.tree.map(lambda x: x + 1, selected["params"])
    state = State(jnp.array(7), jax.random.key(0), last, (jnp.zeros(2), {}))
    writer = Checkpointer(tmp_path / "checkpoint")
    writer.save(3, (state, selected), {"epoch": 3})
    writer.close()
    found = Checkpointer(tmp_path / "checkpoint").restore_selected()
    assert jax.tree.structure(found) == jax.tree.structure(selected)
    jax.tree.map(np.testing.assert_array_equal, found, selected)
    for leaf in jax.tree.leaves(found):
        assert leaf.devices() == {jax.devices()[0]}


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a checkpoint under"):
        Checkpointer(tmp_path).restore_selected()
