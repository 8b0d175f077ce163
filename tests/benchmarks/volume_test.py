"""Bytes: counted in a program's text, and expected from the sizes of a model."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec as P

from benchmarks.collectives import collectives
from benchmarks.volume import LINKS, Sizes, all_reduce_seconds, efficiency, volume
from mtlx.train.parallel import make_mesh


def test_all_reduces_of_a_real_program_are_counted():
    mesh = make_mesh({"data": 8})

    def both(x, y):
        return jax.lax.psum(x, "data"), jax.lax.all_gather(y, "data", tiled=True)

    mapped = jax.shard_map(
        both, mesh=mesh, in_specs=P("data"), out_specs=P(), check_vma=False
    )
    x, y = jnp.zeros((8, 5)), jnp.zeros((16, 3), jnp.bfloat16)
    calls, size = collectives(jax.jit(mapped).lower(x, y).compile().as_text())
    assert calls == {"all-reduce": 1, "all-gather": 1}
    assert size["all-reduce"] == 5 * 4
    assert size["all-gather"] in (16 * 3 * 2, 16 * 3 * 4)  # a CPU widens bfloat16


def test_tuples_and_asynchronous_calls_are_counted_once():
    text = """
      %a = (f32[3,4]{1,0}, bf16[2]{0}) all-reduce(%x, %y), replica_groups={}
      %b = (f32[1,4]{1,0}, f32[8,4]{1,0}) all-gather-start(%z), dimensions={0}
      %c = f32[8,4]{1,0} all-gather-done(%b)
    """
    calls, size = collectives(text)
    assert calls == {"all-reduce": 1, "all-gather": 1}
    assert size == {"all-reduce": 3 * 4 * 4 + 2 * 2, "all-gather": 8 * 4 * 4}


@pytest.mark.parametrize(
    "needs, copies",
    [((), 1), (("gram",), 3), (("grads", "key"), 3), (("cross_gram",), 7)],
)
def test_volume_is_a_gradient_for_each_that_is_summed(needs, copies):
    sizes = Sizes(shared=100, own=10)
    assert volume(sizes, 3, frozenset(needs)) == 4 * (copies * 100 + 10)


def test_an_island_sends_its_share_alone_to_the_others():
    link = LINKS[0]._replace(latency_inside=0.0, latency_between=0.0)
    one = all_reduce_seconds(1e9, 8, link)
    assert one == pytest.approx(2 * 7 / 8 * 1e9 / link.inside)
    two = all_reduce_seconds(1e9, 16, link)
    assert two - one == pytest.approx(1e9 / 8 / link.between)  # 2 (m - 1) / m = 1


def test_efficiency_falls_with_devices_and_with_calls():
    values = [efficiency(1e-3, 4e6, 10, n, LINKS[0]) for n in (1, 2, 8, 64, 256)]
    assert values[0] == 1.0
    assert all(a > b for a, b in zip(values, values[1:], strict=False))
    assert efficiency(1e-3, 4e6, 1, 64, LINKS[0]) > values[3]
