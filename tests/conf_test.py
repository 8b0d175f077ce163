"""Every option of every group is composed and built, and makes a training step."""

import functools
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import experiments.train  # noqa: F401  registers the resolver of the folder names
import mtlx.compose
from mtlx import models
from mtlx.data.dataset import Stream
from mtlx.models import count_parameters
from mtlx.train import init_state, make_step

CONF = Path(__file__).resolve().parents[1] / "conf"
SMOKE = ["trainer=smoke", "data=synthetic_mmoe", "data.eval_rows=64"]


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def parts_of(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=list(overrides))
    return mtlx.compose.build(cfg), cfg


def short_fit(parts, **options):
    return parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        **{"epochs": 1, "batch_size": 32} | options,
    )


def step_shapes(parts):
    """What a training step of the parts makes of a batch, by shape: none is compiled.

    That the numbers are right is held against tables of all models and balancers.
    """
    rows = parts.dataset.train
    if isinstance(rows, Stream):
        batch = jax.eval_shape(
            lambda key: rows.sample(rows.arrays, key, 8), jax.random.key(0)
        )
    else:
        batch = jax.tree.map(lambda column: column[:8], rows)
    model, optimizer, balancer = parts.model, parts.optimizer, parts.balancer
    start = functools.partial(init_state, model, optimizer, balancer)
    state = jax.eval_shape(start, batch, jax.random.key(0))
    step = make_step(model, parts.dataset.tasks, optimizer, balancer, 4)
    after, metrics = jax.eval_shape(step, state, batch)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    return metrics


@pytest.mark.parametrize(
    "group, option",
    [
        (group, option)
        for group in ("optimizer", "trainer")
        for option in options(group)
    ],
)
def test_every_option_trains(group, option):
    parts, _ = parts_of(
        *SMOKE, "data.steps_per_epoch=2", f"{group}={option}", "encoder=fields"
    )
    result = short_fit(parts)
    assert int(result.state.step) == 2
    assert not result.diverged
    assert np.isfinite(result.test["task_1"]["rmse"])


@pytest.mark.parametrize("balancer", options("balancer"))
def test_every_balancer_makes_a_step(balancer):
    parts, _ = parts_of(*SMOKE, f"balancer={balancer}")
    assert step_shapes(parts)["weight"].shape == (2,)


@pytest.mark.parametrize("model", options("model"))
def test_every_model_makes_a_step_of_real_columns(model):
    """Some read columns that data have to declare, or take binary tasks alone."""
    parts, _ = parts_of("trainer=smoke", "data=census_income_sample", f"model={model}")
    assert step_shapes(parts)["loss"].shape == (3,)


@pytest.mark.parametrize("tracker", options("tracker"))
def test_every_tracker_takes_a_run(tracker, tmp_path):
    parts, _ = parts_of(*SMOKE, "data.steps_per_epoch=2", f"tracker={tracker}")
    result = short_fit(parts, observers=[parts.tracker(tmp_path)])
    assert result.epochs == 1
    if tracker == "tensorboard":
        from tensorboard.backend.event_processing.event_accumulator import (
            EventAccumulator,
        )

        events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        (event,) = events.Scalars("validation/task_1/rmse")
        assert event.step == 2
        assert event.value == pytest.approx(result.validation["task_1"]["rmse"])


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_composes_and_states_its_case(experiment):
    header = (CONF / "experiment" / f"{experiment}.yaml").read_text()
    for line in ("Question:", "Command:", "Takes:"):
        assert f"# {line}" in header
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(
            "train", overrides=[f"experiment={experiment}"], return_hydra_config=True
        )
    assert cfg.study == experiment
    axes = cfg.hydra.sweeper.params
    for group in ("model", "balancer"):
        # "glob(*)", "glob(*,exclude=one)" or a list.
        named = re.sub(r"glob\(\*(?:,exclude=(\w+))?\)", r"\1", axes[group])
        assert set(named.split(",")) <= {"", *options(group)}


def test_lists_become_tuples_so_that_models_hash():
    parts, _ = parts_of(*SMOKE, "model=mmoe", "model.expert_widths=[8,4]")
    assert parts.model.expert_widths == (8, 4)
    assert isinstance(hash(parts.model), int)


@pytest.mark.parametrize("reference", ["mmoe", "ple"])
def test_match_params_sizes_the_bottom_to_the_reference(reference):
    overrides = [*SMOKE, "model=shared_bottom", "match_params=true"]
    parts, cfg = parts_of(*overrides, f"model@reference={reference}")
    features = jax.tree.map(lambda x: x[:1], dict(parts.dataset.test.features))
    wanted = parts_of(*SMOKE, f"model={reference}")[0].model
    target = count_parameters(wanted, features)
    assert count_parameters(parts.model, features) == pytest.approx(target, rel=0.01)
    assert parts.model.bottom_widths != tuple(cfg.model.bottom_widths)


@pytest.mark.parametrize(
    ("model", "layers"),
    [("ple", "expert_widths"), ("cross_stitch", "column_widths")],
)
def test_match_params_sizes_experts_and_columns_too(model, layers):
    overrides = [*SMOKE, f"model={model}", "match_params=true"]
    parts, _ = parts_of(*overrides, "model@reference=shared_bottom")
    features = jax.tree.map(lambda x: x[:1], dict(parts.dataset.test.features))
    wanted = parts_of(*SMOKE, "model=shared_bottom")[0].model
    target = count_parameters(wanted, features)
    assert count_parameters(parts.model, features) == pytest.approx(target, rel=0.02)
    assert len(set(getattr(parts.model, layers))) == 1


def test_match_params_refuses_a_model_without_layers_to_size():
    with pytest.raises(ValueError, match="bottom_widths, .*found FieldTransformer"):
        parts_of(*SMOKE, "model=field_transformer", "match_params=true")


def test_a_nested_target_is_built_too():
    parts, cfg = parts_of(
        *SMOKE,
        "optimizer.learning_rate={_target_:optax.cosine_decay_schedule,"
        "init_value:0.001,decay_steps:10}",
    )
    assert OmegaConf.is_dict(cfg.optimizer.learning_rate)
    assert short_fit(parts).epochs == 1


def test_wrappers_go_around_the_balancer():
    wrap = "wrap=[{_target_:mtlx.balancers.every,period:2},"
    wrap += "{_target_:mtlx.balancers.precondition}]"
    parts, _ = parts_of(*SMOKE, "data.steps_per_epoch=2", "balancer=pcgrad", wrap)
    assert parts.balancer.needs == {"gram", "key", "metric"}
    assert type(parts.balancer.init(2)).__name__ == "EveryState"
    assert not short_fit(parts).diverged


def test_every_model_and_balancer_has_an_option():
    from mtlx import balancers
    from mtlx.train import bilevel

    # Weights that are learnt on held-out rows belong to training, not to `balancers`.
    assert not set(balancers.__all__) & set(bilevel.__all__)
    assert set(options("balancer")) == {*balancers.__all__, *bilevel.__all__}
    classes = {
        name
        for name in models.__all__
        if isinstance(getattr(models, name), type)
        and issubclass(getattr(models, name), models.MultiTaskModel)
        and name != "MultiTaskModel"
    }
    targets = {
        OmegaConf.load(CONF / "model" / f"{option}.yaml")._target_.split(".")[-1]
        for option in options("model")
    }
    assert targets == classes
