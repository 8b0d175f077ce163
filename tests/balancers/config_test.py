"""Every balancer has a configuration that states its defaults, and it builds."""

import inspect
import pathlib

import jax.numpy as jnp
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from mtlx import balancers

FOLDER = pathlib.Path(__file__).parents[2] / "conf" / "balancer"


def test_one_file_a_balancer():
    found = sorted(OmegaConf.load(path)["_target_"] for path in FOLDER.glob("*.yaml"))
    expected = {f"mtlx.balancers.{name}" for name in balancers.__all__}
    assert set(found) >= expected


@pytest.mark.parametrize("name", balancers.__all__)
def test_the_file_states_the_defaults(name):
    config = OmegaConf.to_container(OmegaConf.load(FOLDER / f"{name}.yaml"))
    assert config.pop("_target_") == f"mtlx.balancers.{name}"
    parameters = inspect.signature(getattr(balancers, name)).parameters
    assert config == {key: value.default for key, value in parameters.items()}


@pytest.mark.parametrize("name", balancers.__all__)
def test_the_file_builds(name):
    balancer = instantiate(OmegaConf.load(FOLDER / f"{name}.yaml"))
    assert balancer.needs == getattr(balancers, name)().needs
    balancer.init(3, *([{}] if "grads" in balancer.needs else []))


def test_a_list_in_the_file_is_one_number_a_task():
    config = OmegaConf.load(FOLDER / "uncertainty.yaml")
    config.initial = [0.0, 1.0]
    state = instantiate(config, _convert_="all").init(2)
    assert jnp.array_equal(state.log_variances, jnp.array([0.0, 1.0]))
