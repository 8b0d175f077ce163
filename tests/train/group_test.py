"""Members of a population that lie on several devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.train.group import take
from mtlx.train.parallel import make_mesh, shard_members


@pytest.fixture
def stacked():
    arrays = {
        "kernel": jnp.arange(24.0).reshape(4, 3, 2),
        "key": jax.random.split(jax.random.key(0), 4),
    }
    return shard_members(arrays, make_mesh({"data": 1, "member": 2}))


@pytest.mark.parametrize("number", range(4))
def test_a_member_is_read_where_it_lies_and_comes_to_the_first_device(stacked, number):
    assert len(stacked["kernel"].devices()) == 2
    found = take(stacked, number)
    for array in found.values():
        assert array.devices() == {jax.local_devices()[0]}
    expected = np.arange(24.0).reshape(4, 3, 2)[number]
    np.testing.assert_array_equal(found["kernel"], expected)
    keys = jax.random.split(jax.random.key(0), 4)
    assert jax.random.key_data(found["key"]).tolist() == (
        jax.random.key_data(keys[number]).tolist()
    )


def test_a_member_that_there_is_not_is_refused(stacked):
    with pytest.raises(IndexError, match="below 4, found 4"):
        take(stacked, 4)
