"""The options of the logs of behaviour, from the configuration to a training step."""

import hashlib
import inspect
import sys
from pathlib import Path

import jax
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_method

import experiments.train  # noqa: F401  registers the resolver of the folder names
import mtlx.compose
from mtlx.data.builders.movielens_100k_source import PUBLISHED
from tests.conf_test import step_shapes
from tests.data.movielens_files import write_100k

CONF = Path(__file__).resolve().parents[2] / "conf"
OPTIONS = (
    "movielens_100k",
    "movielens_latest_small",
    "retailrocket_multibehavior",
    "taobao_multibehavior",
    "rees46_sessions",
    "amazon_beauty",
    "amazon_sports",
)


def composed(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=list(overrides))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_names_the_arguments_of_its_data_set(option):
    node = composed(f"data={option}").data
    load = get_method(node._target_)
    given = {name: node[name] for name in node if not name.startswith("_")}
    bound = inspect.signature(load).bind(**given)
    assert set(bound.arguments) == set(inspect.signature(load).parameters)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(load).parameters.items()
    }
    left_alone = {"inputs", "data_dir", "cache_dir", "domain"}
    for name in set(given) - left_alone:
        found = tuple(given[name]) if name == "tasks" else given[name]
        assert found == defaults[name], name


@pytest.fixture
def parts(tmp_path, monkeypatch):
    folder = write_100k(tmp_path / "raw")
    sha256 = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in PUBLISHED.sha256
    }
    module = sys.modules["mtlx.data.movielens_100k"]
    monkeypatch.setattr(module, "PUBLISHED", PUBLISHED._replace(sha256=sha256))

    def build(*overrides):
        return mtlx.compose.build(
            composed(
                "data=movielens_100k",
                f"data.data_dir={folder}",
                f"data.cache_dir={tmp_path / 'cache'}",
                "trainer=smoke",
                *overrides,
            )
        )

    return build


def test_rating_next_film_and_interests_are_trained_jointly(parts):
    built = parts(
        "data.tasks=[rating,next_item,interests]",
        "data.history=3",
        "+data.inputs.user_id={_target_: mtlx.data.inputs.Ids, min_count: 2}",
        "model=mmoe",
        "balancer=pcgrad",
    )
    assert step_shapes(built)["loss"].shape == (3,)
    rows = jax.tree.map(lambda x: x[:5], dict(built.dataset.test.features))
    outputs, _ = jax.eval_shape(built.model.init_with_output, jax.random.key(0), rows)
    films = built.dataset.tasks[1].num_classes
    assert {name: y.shape for name, y in outputs.items()} == {
        "rating": (5,),
        "next_item": (5, films),
        "interests": (5, 18),
    }


def test_histories_alone_are_enough(parts):
    null = ["user_id", "timestamp", "age_group", "gender", "occupation"]
    built = parts(
        "data.tasks=[next_item,interests]",
        *(f"+data.inputs.{name}=null" for name in null),
        "encoder=sasrec",
    )
    assert built.dataset.schema.names == ()
    assert step_shapes(built)["loss"].shape == (2,)
