"""The model group of the configuration: it mirrors the classes, at comparable sizes."""

import dataclasses
import functools
from pathlib import Path

import jax
import pytest
import yaml

from mtlx import models
from mtlx.types import Schema

GROUP = Path(__file__).parents[2] / "conf" / "model"
FILES = sorted(GROUP.glob("*.yaml"))
NOT_CONFIGURED = {
    "tasks",
    "outputs",
    "encoder",
    "schema",
    "activation",
    "parent",
    "name",
}
SCHEMA = Schema((3, 3), 240, ("domain", "user"), "domain", ("user",))


def _load(path):
    config = yaml.safe_load(path.read_text())
    module, _, name = config.pop("_target_").rpartition(".")
    assert module == "mtlx.models" and config.pop("_partial_") is True
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    return getattr(models, name), frozen


def test_every_architecture_has_a_file():
    classes = {_load(path)[0] for path in FILES}
    public = {getattr(models, name) for name in models.__all__}
    assert classes == {
        cls
        for cls in public
        if isinstance(cls, type)
        and issubclass(cls, models.MultiTaskModel)
        and cls is not models.MultiTaskModel
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_states_every_hyper_parameter_at_its_default(path):
    cls, config = _load(path)
    fields = {field.name: field.default for field in dataclasses.fields(cls)}
    assert config == {k: v for k, v in fields.items() if k not in NOT_CONFIGURED}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_defaults_are_of_comparable_size(path):
    """Within 6 % of 144k parameters on 256 encoded inputs and three binary tasks."""
    cls, config = _load(path)
    model = cls(
        tasks=("a", "b", "c"),
        outputs=(1, 1, 1),
        encoder=functools.partial(models.FeatureEncoder, cardinalities=(3, 3)),
        schema=SCHEMA,
        **config,
    )
    features = {
        "categorical": jax.ShapeDtypeStruct((1, 2), "int32"),
        "numerical": jax.ShapeDtypeStruct((1, 256 - 2 * 8), "float32"),
    }
    count = models.count_parameters(model, features)
    assert count == pytest.approx(144_067, rel=0.06)
