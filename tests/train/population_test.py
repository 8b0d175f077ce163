"""A population is its members' own runs, side by side."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models
from mtlx.data import synthetic_mmoe
from mtlx.train import Checkpointer, Recipe, fit, fit_population
from mtlx.train.memory import block_size, group_size
from mtlx.train.observers import Observer
from mtlx.train.population import traces
from mtlx.train.shared_data import SharedData

DATA = functools.partial(
    synthetic_mmoe, dim=6, eval_rows=40, steps_per_epoch=4, num_sines=2
)
TRAIN = {"epochs": 3, "batch_size": 16, "max_chunk_steps": 2}
# Every balancer with a state, wrapped ones and those beyond the Gram matrix included.
STATEFUL = (
    *("uncertainty", "dwa", "gradnorm", "famo", "go4align", "imtl_l", "ldc_mtl"),
    *("nash_mtl", "db_mtl", "db_mtl_ema", "moco", "modo", "sdmgrad", "excess_mtl"),
    *("momentum_config", "psmgd", "metabalance", "stch", "gradvac", "pe_ltr"),
)


def model(**fields):
    settings = {"num_experts": 2, "expert_widths": (4,), "tower_widths": (3,)}
    return models.MMoE(
        tasks=("task_1", "task_2"),
        outputs=(1, 1),
        encoder=models.FeatureEncoder,
        **settings | fields,
    )


def recipe(numbers, balancer="equal", **fields):
    return Recipe(
        model(**fields),
        getattr(balancers, balancer)(),
        optax.adam(numbers.get("learning_rate", 1e-2)),
    )


def alone(seed, balancer="equal", learning_rate=1e-2, data=None, **more):
    own = recipe({"learning_rate": learning_rate}, balancer)
    fields = own._asdict()
    return fit(
        fields["model"],
        data or DATA(),
        fields["balancer"],
        fields["optimizer"],
        seed=seed,
        **TRAIN | more,
    )


def assert_same(found, expected, atol=1e-5):
    for name in ("state", "variables"):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=atol),
            *(jax.tree.map(_plain, getattr(r, name)) for r in (found, expected)),
        )
    assert found.best_epoch == expected.best_epoch
    assert found.epochs == expected.epochs
    assert found.num_parameters == expected.num_parameters
    for split in ("validation", "test"):
        a, b = getattr(found, split), getattr(expected, split)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4), a, b)


def _plain(leaf):
    typed = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if typed else leaf


@pytest.mark.parametrize("balancer", STATEFUL)
def test_members_equal_their_own_runs(balancer):
    build = functools.partial(recipe, balancer=balancer)
    # Ten projected steps of SDMGrad carry a rounding far: what is compared is shorter.
    rough = balancer == "sdmgrad"
    more = TRAIN | ({"epochs": 1} if rough else {})
    found = fit_population(build, DATA(), (3, 8), **more)
    assert_same(found[1], alone(8, balancer, **more), atol=3e-4 if rough else 3e-5)
    assert not np.allclose(
        *(r.variables["params"]["experts"]["kernel_0"] for r in found)
    )


def test_numbers_and_seeds_vary_together():
    rates = (1e-2, 3e-3, 1e-1)
    found = fit_population(recipe, DATA(), (0, 0, 5), {"learning_rate": rates}, **TRAIN)
    for member, seed, rate in zip(found, (0, 0, 5), rates, strict=True):
        assert_same(member, alone(seed, learning_rate=rate))
        assert member.members == 3


def test_the_numbers_of_a_stream_vary():
    data = [DATA(correlation=p) for p in (0.0, 1.0)]
    found = fit_population(recipe, data, (1, 1), **TRAIN)
    for member, own in zip(found, data, strict=True):
        assert_same(member, alone(1, data=own))


def test_a_data_set_of_several_members_is_held_once():
    first, second = DATA(correlation=0.0), DATA(correlation=1.0)
    whole = SharedData.of([first, second, first], batch_size=8, eval_batch_size=64)
    assert all(len(leaf) == 2 for leaf in jax.tree.leaves(whole.test.features))
    part = whole.part(slice(1, 3))
    (found,) = jax.tree.leaves(part.test.features)  # [members, batches, rows, columns]
    for member, data in zip(found[:, 0], (second, first), strict=True):
        np.testing.assert_array_equal(member, *jax.tree.leaves(data.test.features))
    assert part.test.rows[0] is second.test and part.test.rows[1] is first.test
    splits = (part.validation, part.inspected, part.test)
    held = [split.features for split in splits]
    assert 2 * whole.member_bytes == sum(x.nbytes for x in jax.tree.leaves(held))


def test_dropout_rates_vary():
    def build(numbers):
        return recipe({}, dropout_rate=numbers["rate"])

    found = fit_population(build, DATA(), (0, 0), {"rate": (0.0, 0.5)}, **TRAIN)
    assert_same(found[0], alone(0))
    own = recipe({}, dropout_rate=0.5)
    assert_same(
        found[1],
        fit(own.model, DATA(), own.balancer, own.optimizer, seed=0, **TRAIN),
    )


def test_a_member_that_diverges_leaves_the_others_alone():
    rates = (1e-2, float("inf"), 3e-3)
    found = fit_population(recipe, DATA(), (0, 1, 2), {"learning_rate": rates}, **TRAIN)
    assert [r.diverged for r in found] == [False, True, False]
    assert [r.epochs for r in found] == [3, 1, 3]
    assert np.isnan(found[1].test["task_1"]["rmse"])
    assert_same(found[0], alone(0, learning_rate=1e-2))
    assert_same(found[2], alone(2, learning_rate=3e-3))


def test_a_member_that_loses_patience_is_frozen():
    """Without a step it never gets better than after its first epoch."""
    rates = (0.0, 3e-2)
    more = TRAIN | {"epochs": 5, "patience": 2}
    found = fit_population(recipe, DATA(), (0, 0), {"learning_rate": rates}, **more)
    assert found[0].epochs == 3
    assert int(found[0].state.step) == 12
    for member, rate in zip(found, rates, strict=True):
        assert_same(member, alone(0, learning_rate=rate, epochs=5, patience=2))


def test_groups_do_not_change_the_result(monkeypatch):
    whole = fit_population(recipe, DATA(), (0, 1, 2), **TRAIN)
    parts = fit_population(recipe, DATA(), (0, 1, 2), max_members=2, **TRAIN)
    assert [r.members for r in parts] == [2, 2, 1]
    # A limit that the program for all three does not meet.
    monkeypatch.setattr("mtlx.train.population.memory_limit", lambda: 1)
    least = fit_population(recipe, DATA(), (0, 1, 2), **TRAIN)
    assert [r.members for r in least] == [1, 1, 1]
    for found in (parts, least):
        for a, b in zip(found, whole, strict=True):
            assert_same(a, b)


@pytest.mark.parametrize(("members", "devices"), [(4, 4), (3, 2)])
def test_members_are_spread_over_devices(members, devices):
    """As many as divide them: 3 members over 2 devices stay on one."""
    seeds, more = range(members), TRAIN | {"epochs": 2}
    rates = {"learning_rate": [1e-2 * (1 + seed) for seed in seeds]}
    one = fit_population(recipe, DATA(), seeds, rates, **more)
    many = fit_population(recipe, DATA(), seeds, rates, devices=devices, **more)
    for a, b in zip(many, one, strict=True):
        assert_same(a, b)
    used = {next(iter(r.state.step.devices())).id for r in many}
    assert used <= set(range(devices))


@pytest.mark.parametrize(
    ("need", "expected"), [(1, 10), (100, 10), (101, 5), (210, 4), (5000, 1)]
)
def test_the_fewest_equal_groups_that_fit(need, expected):
    assert group_size(10, need, limit=100) == expected


@pytest.mark.parametrize(
    ("members", "devices", "most", "counts"),
    [(5, 1, None, [5]), (4, 2, None, [2]), (5, 2, 4, [2, 1])],
)
def test_blocks_do_not_change_the_result(members, devices, most, counts, monkeypatch):
    """Two at a time leave one over; one at a time on each of two devices, of which the
    last group of members may need only one."""
    sizes = []

    def two(members, need):
        sizes.append((members, need))
        return 2 if devices == 1 else 1

    seeds = range(members)
    pair = DATA(correlation=0.0), DATA(correlation=1.0)
    data = [pair[seed % 2] for seed in seeds]
    rates = {"learning_rate": [1e-2 * (1 + seed) for seed in seeds]}
    whole = fit_population(recipe, data, seeds, rates, **TRAIN)
    monkeypatch.setattr("mtlx.train.group.block_size", two)
    more = TRAIN | {"devices": devices, "max_members": most}
    found = fit_population(recipe, data, seeds, rates, **more)
    assert [count for count, _ in sizes] == counts
    assert all(need > 0 for _, need in sizes)
    for a, b in zip(found, whole, strict=True):
        assert_same(a, b)


@pytest.mark.parametrize(
    ("members", "need", "expected"),
    [
        (50, 100, 50),
        (50, 700, 5),  # seven would fit, and leave one over
        (600, 700, 75),
        (7, 300, 2),  # nothing divides a prime
        (3, 10_000, 1),
    ],
)
def test_what_a_cache_holds(members, need, expected):
    size = block_size(members, need, cache=100)
    assert size == expected
    assert size == 1 or size * need <= 100 * members


def test_a_resumed_population_repeats_the_uninterrupted_one(tmp_path):
    whole = fit_population(recipe, DATA(), (0, 1), **TRAIN)

    def checkpointers():
        return [Checkpointer(tmp_path / str(i)) for i in range(2)]

    fit_population(
        recipe, DATA(), (0, 1), checkpointers=checkpointers(), **TRAIN | {"epochs": 2}
    )
    found = fit_population(
        recipe, DATA(), (0, 1), checkpointers=checkpointers(), resume=True, **TRAIN
    )
    for a, b in zip(found, whole, strict=True):
        assert_same(a, b, atol=0)
    # A single run goes on from where its population stopped.
    assert_same(
        alone(1, checkpointer=Checkpointer(tmp_path / "1"), resume=True), whole[1]
    )


class Log(Observer):
    def __init__(self):
        self.rows = []

    def on_epoch(self, epoch, rows):
        self.rows += rows


def test_each_member_is_observed_as_alone():
    logs, own = [Log(), Log()], Log()
    fit_population(
        recipe, DATA(), (0, 4), member_observers=[[log] for log in logs], **TRAIN
    )
    alone(4, observers=(own,))
    assert [r[:5] for r in logs[1].rows] == [r[:5] for r in own.rows]
    np.testing.assert_allclose(
        [r.value for r in logs[1].rows], [r.value for r in own.rows], rtol=1e-4
    )


def test_a_number_that_python_decides_on_is_no_argument():
    def build(numbers):
        rate = numbers["rate"]
        return recipe({"learning_rate": rate if rate > 0 else 1e-3})

    assert not traces(build, DATA(), {"rate": jnp.float32(0.1)}, batch_size=16)
    rate = {"learning_rate": jnp.float32(0.1)}
    assert traces(recipe, DATA(), rate, batch_size=16)


def test_wrong_lengths_are_refused():
    with pytest.raises(ValueError, match="at least one seed"):
        fit_population(recipe, DATA(), ())
    with pytest.raises(ValueError, match="learning_rate for each of 2 seeds, found 1"):
        fit_population(recipe, DATA(), (0, 1), {"learning_rate": (1.0,)})
    with pytest.raises(ValueError, match="differs in tasks, sizes"):
        fit_population(recipe, [DATA(), DATA(dim=5)], (0, 1))
