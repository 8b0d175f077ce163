"""Whole runs on eight simulated devices, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P

from mtlx import balancers, models, train
from mtlx.data.dataset import Augmented, Stream
from mtlx.train import init_state, make_step
from mtlx.train.parallel import (
    make_mesh,
    make_parallel,
    shard_members,
    state_layout,
)


@pytest.fixture(scope="module")
def model(dataset):
    """A table of 12 rows (10 in use), wide enough to be cut in eight."""
    return train.build_model(
        functools.partial(
            models.SharedBottom,
            bottom_widths=(16,),
            tower_widths=(),
            norm="layer",
            dropout_rate=0.2,
        ),
        functools.partial(models.FeatureEncoder, embedding_dim=2, row_multiple=4),
        dataset,
    )


def fit(dataset, model, **options):
    options = {"epochs": 2, "batch_size": 32, "seed": 1, **options}
    return train.fit(model, dataset, balancers.pcgrad(), optax.adam(1e-2), **options)


def assert_close(found, expected):
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5),
        jax.device_get(found),
        jax.device_get(expected),
    )


@pytest.fixture(scope="module")
def alone(dataset, model):
    return fit(dataset, model)


@pytest.mark.parametrize(
    "options",
    [
        {"parallel": "jit"},
        {"parallel": "jit", "shard_rows": True},
        {"parallel": "jit", "mesh": {"data": 2, "model": 4}},
        {"parallel": "fsdp", "mesh": {"data": 2, "model": 2}},
        {"parallel": "shard_map", "mesh": {"model": 2}},
        {"parallel": "pmap", "mesh": {"data": 4}},
    ],
    ids=str,
)
def test_a_run_ends_where_it_does_on_one_device(options, dataset, model, alone):
    found = fit(dataset, model, **options)
    assert_close(found.variables, alone.variables)
    assert_close(found.state.opt_state, alone.state.opt_state)
    assert_close(found.validation, alone.validation)
    assert_close(found.test, alone.test)
    assert found.best_epoch == alone.best_epoch


def test_a_resumed_run_repeats_the_whole_one(dataset, model, tmp_path):
    options = {"parallel": "fsdp", "mesh": {"data": 4}}
    whole = fit(dataset, model, **options)
    folder = tmp_path / "checkpoint"
    fit(dataset, model, **options, epochs=1, checkpointer=train.Checkpointer(folder))
    resumed = fit(
        dataset,
        model,
        **options,
        checkpointer=train.Checkpointer(folder),
        resume=True,
    )
    jax.tree.map(
        np.testing.assert_array_equal, resumed.state.params, whole.state.params
    )
    kernel = resumed.state.params["bottom"]["dense_0"]["kernel"]
    assert kernel.sharding.spec == P(None, "data")


@pytest.mark.parametrize("parallel", ["jit", "shard_map"])
def test_rows_drawn_on_the_device_are_those_of_one_device(parallel, dataset, model):
    def sample(arrays, key, batch_size):
        index = jax.random.randint(key, (batch_size,), 0, 256)
        return jax.tree.map(lambda x: jnp.asarray(x)[index], dataset.train)

    stream = dataset._replace(train=Stream(sample, steps_per_epoch=4))
    found = fit(stream, model, epochs=1, parallel=parallel)
    assert_close(found.state.params, fit(stream, model, epochs=1).state.params)


@pytest.mark.parametrize(
    "options",
    [{"parallel": "jit", "shard_rows": True}, {"parallel": "shard_map"}],
    ids=str,
)
def test_rows_changed_on_the_device_are_those_of_one_device(options, dataset, model):
    def change(row, key):  # a row in two counts for nothing, whichever device has it
        kept = jax.random.bernoulli(key)
        return row._replace(where=jax.tree.map(lambda x: x & kept, row.where))

    changed = dataset._replace(train=Augmented(dataset.train, change))
    found = fit(changed, model, epochs=1, **options)
    expected = fit(changed, model, epochs=1).state.params
    assert_close(found.state.params, expected)
    plain = fit(dataset, model, epochs=1).state.params
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), expected, plain)
    assert max(jax.tree.leaves(moved)) > 1e-3


@pytest.mark.parametrize("granularity", ["layer", "representation"])
def test_every_grain_of_the_gram_matrix(granularity, dataset, model):
    """Over the representation, devices hold different columns of J, not shares."""
    options = {"granularity": granularity, "epochs": 1}
    found = fit(dataset, model, **options, parallel="shard_map")
    assert_close(found.state.params, fit(dataset, model, **options).state.params)


def test_members_lie_along_their_axis_beside_data_and_model(dataset, model, batch):
    """Four runs of other seeds, vmapped, on 2 x 2 x 2 devices: each is its own run."""
    optimizer, balancer = optax.adam(1e-2), balancers.gradnorm()

    def init(seed):
        return init_state(model, optimizer, balancer, batch, jax.random.key(seed))

    step = make_step(model, dataset.tasks, optimizer, balancer, 5)
    states = jax.jit(jax.vmap(init))(jnp.arange(4))
    expected = states
    step_of_each = jax.jit(
        lambda states: jax.lax.map(lambda state: step(state, batch)[0], states)
    )
    for _ in range(3):
        expected = step_of_each(expected)

    mesh = make_mesh({"data": 2, "model": 2, "member": 2})
    layout = state_layout(states, mesh, members=True)
    table = layout.params["encoder"]["embedding"]
    assert table.spec == P("member", "model")
    assert layout.opt_state[0].mu["encoder"]["embedding"].spec == table.spec
    assert layout.step.spec == P("member")
    rows = jax.device_put(batch, jax.sharding.NamedSharding(mesh, P("data")))
    together = jax.jit(
        jax.vmap(lambda s, b: step(s, b)[0], (0, None), spmd_axis_name="member"),
        out_shardings=layout,
    )
    found = jax.device_put(states, layout)
    for _ in range(3):
        found = together(found, rows)
    assert_close(found._replace(key=None), expected._replace(key=None))

    spread = shard_members(states.params, mesh)
    assert spread["encoder"]["embedding"].sharding.spec == P("member")
    with pytest.raises(ValueError, match="divides over mesh.member=2"):
        shard_members({"x": jnp.zeros((3, 2))}, mesh)


def test_fsdp_cuts_parameters_and_what_has_their_shape(dataset, model, batch):
    optimizer, balancer = optax.adam(1e-2), balancers.moco()
    key = jax.random.key(0)
    state = jax.eval_shape(lambda: init_state(model, optimizer, balancer, batch, key))
    mesh = make_mesh({"data": 2, "model": 2})
    layout = state_layout(state, mesh, fsdp=True)
    assert layout.params["bottom"]["dense_0"]["kernel"].spec == P(None, "data")
    assert layout.params["encoder"]["embedding"].spec == P(("model", "data"))
    assert layout.params["tower_click"]["output"]["bias"].spec == P()
    stacked = {
        leaf.shape: place.spec
        for leaf, place in zip(
            jax.tree.leaves(state.balancer_state),
            jax.tree.leaves(layout.balancer_state),
            strict=True,
        )
    }
    kernel = state.params["bottom"]["dense_0"]["kernel"].shape
    assert stacked[3, *kernel] == P(None, None, "data")
    assert stacked[3, 12, 2] == P(None, ("model", "data"))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"parallel": "jit", "batch_size": 100}, "multiple of 8 .* Choose 96 or 104"),
        ({"parallel": "pmap", "batch_size": 4}, "found 4. Choose 8"),
        ({"parallel": "ddp"}, "one of jit, pmap, shard_map, fsdp, found 'ddp'"),
        ({"parallel": "pmap", "mesh": {"model": 2}}, "mesh of data alone"),
        ({"parallel": "shard_map", "shard_rows": True}, "jit or fsdp"),
        ({"parallel": None, "mesh": {"data": 8}}, "mesh=null"),
        ({"parallel": "jit", "mesh": {"rows": 8}}, "data, model, member, found rows"),
        ({"parallel": "jit", "mesh": {"data": 16}}, "8 devices .* 16 x 1 x 1"),
        ({"parallel": "jit", "mesh": {"model": 0}}, "sizes >= 1"),
        ({"parallel": "jit", "mesh": {"model": 8}}, "encoder.row_multiple=8"),
    ],
)
def test_what_does_not_fit_is_refused(options, message, dataset, model):
    with pytest.raises(ValueError, match=message):
        fit(dataset, model, **options)


def test_parts_of_a_batch_have_to_divide_too():
    needs = balancers.modo().needs
    with pytest.raises(ValueError, match="24 .8 devices along data x 3 independent"):
        make_parallel("shard_map", batch_size=32, needs=needs)
    make_parallel("jit", batch_size=32, needs=needs)


def test_a_stream_has_no_rows_to_shard(dataset, model):
    stream = dataset._replace(train=Stream(lambda *_: dataset.train, 2))
    with pytest.raises(ValueError, match="held in memory"):
        fit(stream, model, parallel="jit", shard_rows=True, batch_size=256)


def test_a_model_axis_asks_for_a_table(dataset, model, batch):
    def init():
        return init_state(
            model, optax.sgd(0.1), balancers.equal(), batch, jax.random.key(0)
        )

    state = jax.eval_shape(init)
    del state.params["encoder"]
    with pytest.raises(ValueError, match="found none. Use mesh.model=1"):
        state_layout(state, make_mesh({"model": 2}))


@pytest.mark.parametrize(
    ("parallel", "architecture"),
    [
        *(
            (
                parallel,
                functools.partial(
                    models.TopKMMoE,
                    num_experts=4,
                    expert_widths=(4,),
                    importance_weight=0.5,
                    load_weight=0.5,
                ),
            )
            for parallel in ("jit", "shard_map")
        ),
        ("pmap", functools.partial(models.Sluice, column_width=4, orthogonality=0.5)),
        (
            "shard_map",
            functools.partial(models.SNRAverage, module_width=4, sparsity=0.5),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.func.__name__,
)
def test_noise_and_penalties_are_those_of_all_rows(parallel, architecture, dataset):
    """One step of plain descent: a factor of the penalty would show."""
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=2)
    model = train.build_model(
        functools.partial(architecture, tower_widths=()), encoder, dataset
    )
    options = {"epochs": 1, "batch_size": 256}

    def run(**more):
        optimizer, balancer = optax.sgd(0.5), balancers.equal()
        return train.fit(model, dataset, balancer, optimizer, **options, **more)

    assert_close(run(parallel=parallel).state.params, run().state.params)
