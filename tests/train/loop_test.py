import csv
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.train.curves import CurveWriter
from mtlx.train.observers import Observer
from mtlx.train.program import cut_epoch
from mtlx.train.selection import Selection, relative_score

OPTIONS = dict(epochs=6, batch_size=32, seed=1)


def _fit(dataset, model, **options):
    return train.fit(
        model,
        dataset,
        options.pop("balancer", balancers.pcgrad()),
        options.pop("optimizer", optax.adam(1e-2)),
        **{**OPTIONS, **options},
    )


def _assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_fit_learns_and_counts(dataset, model):
    result = _fit(dataset, model, epochs=30)
    assert result.test["click"]["auc"] > 0.85
    assert result.test["spend"]["rmse"] < 1.0
    assert result.epochs == 30
    assert not result.diverged
    assert int(result.state.step) == 30 * (256 // 32)
    assert result.rows_per_second > 0


def test_the_same_seed_repeats_a_run_and_another_does_not(dataset, model):
    one, two, other = (_fit(dataset, model, seed=s, epochs=2) for s in (1, 1, 2))
    _assert_same(one.state.params, two.state.params)
    assert one.test == two.test
    assert one.test != other.test


@pytest.mark.parametrize("steps", [1, 3])
def test_chunks_do_not_change_the_result(steps, dataset, model):
    """8 steps an epoch: in chunks of 1 they are the same 8 steps."""
    whole = _fit(dataset, model, epochs=2)
    cut = _fit(dataset, model, epochs=2, max_chunk_steps=steps)
    if steps == 3:  # 3 chunks of 2: the last two batches are dropped
        assert int(cut.state.step) == 12
    else:
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
            whole.state.params,
            cut.state.params,
        )


@pytest.mark.parametrize(
    "steps, most, expected", [(97, 200, (1, 97)), (97, 50, (2, 48)), (10, 3, (4, 2))]
)
def test_an_epoch_is_cut_into_equal_chunks(steps, most, expected):
    assert cut_epoch(steps, most) == expected


@pytest.mark.parametrize("balancer", ["pcgrad", "gradnorm", "dwa"])
def test_a_resumed_run_repeats_the_uninterrupted_one_bit_for_bit(
    balancer, dataset, model, tmp_path
):
    balancer = getattr(balancers, balancer)()
    whole = _fit(dataset, model, balancer=balancer)
    options = dict(balancer=balancer, observers=[CurveWriter(tmp_path / "epochs.csv")])
    part = _fit(
        dataset,
        model,
        epochs=3,
        checkpointer=train.Checkpointer(tmp_path / "checkpoint"),
        **options,
    )
    assert part.epochs == 3
    resumed = _fit(
        dataset,
        model,
        checkpointer=train.Checkpointer(tmp_path / "checkpoint"),
        resume=True,
        **options,
    )
    whole_state, state = whole.state, resumed.state
    _assert_same(whole_state.params, state.params)
    _assert_same(whole_state.opt_state, state.opt_state)
    _assert_same(whole_state.balancer_state, state.balancer_state)
    assert resumed.test == whole.test
    assert resumed.best_epoch == whole.best_epoch
    with (tmp_path / "epochs.csv").open() as file:
        epochs = [int(row["epoch"]) for row in csv.DictReader(file)]
    assert sorted(set(epochs)) == [1, 2, 3, 4, 5, 6]
    assert epochs.count(3) == epochs.count(4)


def test_a_fresh_run_does_not_meet_the_checkpoints_of_a_longer_one(
    dataset, model, tmp_path
):
    _fit(dataset, model, epochs=3, checkpointer=train.Checkpointer(tmp_path / "c"))
    again = train.Checkpointer(tmp_path / "c", fresh=True)
    assert again.latest() is None
    _fit(dataset, model, epochs=1, checkpointer=again)
    assert train.Checkpointer(tmp_path / "c").latest() == 1


def test_resume_needs_a_checkpoint(dataset, model, tmp_path):
    with pytest.raises(FileNotFoundError, match="resume=true"):
        _fit(
            dataset, model, checkpointer=train.Checkpointer(tmp_path / "c"), resume=True
        )
    with pytest.raises(ValueError, match="checkpointer"):
        _fit(dataset, model, resume=True)


def test_a_folder_that_orbax_cannot_restore_from_is_refused(tmp_path):
    with pytest.raises(ValueError, match="square brackets"):
        train.Checkpointer(tmp_path / "widths=[8]")


def test_the_tested_parameters_are_those_of_the_best_epoch(dataset, model):
    """A learning rate that destroys the model keeps the first epochs' parameters."""
    schedule = optax.piecewise_constant_schedule(1e-2, {4 * 8: 300.0})
    result = _fit(dataset, model, epochs=8, optimizer=optax.adam(schedule))
    assert result.best_epoch < 8
    features = jax.tree.map(jnp.asarray, dict(dataset.test.features))
    outputs = model.apply(result.variables, features)
    logits = np.asarray(outputs["click"])
    accuracy = np.mean((logits > 0) == dataset.test.labels["click"])
    assert result.test["click"]["accuracy"] == pytest.approx(accuracy)


def test_patience_stops_a_run(dataset, model):
    result = _fit(dataset, model, epochs=50, patience=2, optimizer=optax.sgd(0.0))
    assert result.best_epoch == 1
    assert result.epochs == 3


def test_a_diverging_run_stops_and_is_reported(dataset, model):
    result = _fit(dataset, model, optimizer=optax.sgd(1e12))
    assert result.diverged
    assert result.epochs == 1
    assert result.best_epoch == 0
    assert np.isnan(result.test["click"]["auc"])


@pytest.mark.parametrize("name", ["epochs", "batch_size", "max_chunk_steps"])
def test_sizes_below_one_are_refused(name, dataset, model):
    with pytest.raises(ValueError, match=f"Expected {name} >= 1, found 0"):
        _fit(dataset, model, **{name: 0})


def test_a_batch_larger_than_the_data_is_refused(dataset, model):
    with pytest.raises(ValueError, match="256 training rows for batch_size=257"):
        _fit(dataset, model, batch_size=257)


def test_observers_hear_of_every_chunk_and_epoch_and_of_the_end(dataset, model):
    class Recorder(Observer):
        def __init__(self):
            self.events = []

        def on_start(self, start):
            self.events.append(("start", start.steps_per_epoch))

        def on_chunk(self, epoch_share):
            self.events.append(("chunk", epoch_share))

        def on_epoch(self, epoch, rows):
            self.events.append(("epoch", epoch))
            self.rows = rows

        def on_end(self):
            self.events.append(("end",))

    recorder = Recorder()
    _fit(dataset, model, epochs=1, max_chunk_steps=4, observers=[recorder])
    assert recorder.events == [
        ("start", 8),
        ("chunk", 0.5),
        ("chunk", 1.0),
        ("epoch", 1),
        ("end",),
    ]
    measured = {(row.split, row.task, row.metric) for row in recorder.rows}
    assert ("train", "buy", "loss") in measured
    assert ("train", "buy", "weight") in measured
    assert ("validation", "spend", "rmse") in measured


def test_the_seed_alone_sets_the_initial_parameters(dataset, model):
    still = dict(epochs=1, optimizer=optax.sgd(0.0))
    one = _fit(dataset, model, balancer=balancers.equal(), **still)
    two = _fit(dataset, model, balancer=balancers.gradnorm(), **still)
    _assert_same(one.state.params, two.state.params)


def test_batch_statistics_are_carried_along(dataset):
    architecture = functools.partial(
        models.SharedBottom, bottom_widths=(8,), tower_widths=(4,), norm="batch"
    )
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=3)
    model = train.build_model(architecture, encoder, dataset)
    result = _fit(dataset, model, epochs=3, balancer=balancers.cagrad())
    means = jax.tree.leaves(result.state.model_state["batch_stats"])
    assert all(np.isfinite(leaf).all() for leaf in means)
    assert any(np.abs(leaf).max() > 1e-3 for leaf in means)
    assert result.test["click"]["auc"] > 0.6


def test_dropout_is_drawn_anew_each_step_and_off_in_evaluation(dataset):
    architecture = functools.partial(
        models.SharedBottom, bottom_widths=(8,), dropout_rate=0.5
    )
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=3)
    model = train.build_model(architecture, encoder, dataset)
    losses = []

    class Losses(Observer):
        def on_epoch(self, epoch, rows):
            losses.append([row.value for row in rows if row.metric == "loss"])

    result = _fit(
        dataset, model, epochs=2, optimizer=optax.sgd(0.0), observers=[Losses()]
    )
    assert not np.allclose(losses[0], losses[1], rtol=1e-4)  # other masks
    assert result.validation["click"]["auc"] > 0  # and no "dropout" key was needed


def test_relative_score_adds_what_is_better_up_and_leaves_nan_out(dataset):
    first = {"click": {"auc": 0.5}, "buy": {"auc": np.nan}, "spend": {"rmse": 2.0}}
    now = {"click": {"auc": 0.6}, "buy": {"auc": np.nan}, "spend": {"rmse": 1.0}}
    score = relative_score(dataset.tasks, now, first)
    assert score == pytest.approx(((0.6 - 0.5) / 0.5 + (2.0 - 1.0) / 2.0) / 2)


def test_selection_keeps_the_first_of_equal_epochs(dataset):
    scores = {t.name: {t.metrics[0]: 0.5} for t in dataset.tasks}
    selection = Selection.start(dataset.tasks, {"w": np.zeros(1)})
    selection = selection.update(1, scores, {"w": np.ones(1)})
    selection = selection.update(2, scores, {"w": np.full(1, 2.0)})
    assert selection.epoch == 1
    np.testing.assert_array_equal(selection.variables["w"], [1.0])
