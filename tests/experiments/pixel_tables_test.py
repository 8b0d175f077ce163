"""The tables of NYUv2 and Cityscapes on made-up files in the published format."""

import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments import reproduce
from experiments.reproduce_spec import TABLES, load_spec
from experiments.train import CONF
from mtlx.data import Augmented
from mtlx.data.feed import make_feed
from mtlx.train.plan import Settings, empty_batch, make_plan
from mtlx.train.state import init_variables
from tests.data.pixel_files import write_pixels

KEY = jax.random.key(0)
SIDES = (8, 12)
TINY = ["encoder.widths=[2]", "model.tower_widths=[2]"]
FILES = {
    "nyuv2": {"classes": 13, "label": "label"},
    "cityscapes": {"classes": 7, "label": "label_7"},
}
SPECS = {name: load_spec(f"nash_mtl/{name}") for name in FILES}
ROWS = [("nyuv2", row.name) for row in SPECS["nyuv2"].rows]
ROWS += [("cityscapes", "STL"), ("cityscapes", "FAMO")]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pixels")
    for name, options in FILES.items():
        write_pixels(folder, name, rows=(18, 3), sides=SIDES, **options)
    return folder


@pytest.fixture
def data_dir(files, monkeypatch):
    monkeypatch.setenv("MTLX_DATA_DIR", str(files))
    return files


def parts_of(name, row, *more):
    spec = SPECS[name]
    (found,) = (each for each in spec.rows if each.name == row)
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", [*spec.overrides, *found.overrides, *more])
    return mtlx.compose.build(cfg)


@functools.cache
def variables_of(model, name):
    """By shape; of one model for all its balancers."""
    batch = empty_batch(feed_of(name))
    return jax.eval_shape(lambda key: init_variables(model, batch, key), KEY)


@functools.cache
def feed_of(name):
    data = parts_of(name, "LS").dataset
    assert isinstance(data.train, Augmented)
    return make_feed(data.train, 4)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_every_row_makes_a_step(data_dir, name, row):
    """By shape: that the numbers are right is held against tables of all balancers."""
    feed, parts = feed_of(name), parts_of(name, row, *TINY)
    tasks = parts.dataset.tasks
    plan = make_plan(
        parts.model, parts.balancer, parts.optimizer, tasks, feed, Settings()
    )
    variables = variables_of(parts.model, name)
    state = jax.eval_shape(plan.start, KEY, variables)
    after, metrics = jax.eval_shape(plan.step, state, empty_batch(feed))
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    assert metrics["loss"].shape == (len(tasks),)


def test_the_rows_of_cityscapes_are_those_of_nyuv2():
    """Whose steps are made above; FAMO's gamma is its paper's for each."""
    first, second = (
        {row.name: row.overrides for row in SPECS[name].rows} for name in FILES
    )
    gammas = [options.pop("FAMO")[-1] for options in (first, second)]
    assert gammas == ["balancer.gamma=0.001", "balancer.gamma=0.01"]
    assert first == second


@pytest.mark.parametrize("name", FILES)
def test_the_published_network_takes_the_published_size(data_dir, name):
    """288 x 384 or 128 x 256, five widths: forwards, by shape alone."""
    model = parts_of(name, "LS").model
    sides = {"nyuv2": (288, 384), "cityscapes": (128, 256)}[name]
    trunk = functools.partial(
        model.encoder, fields=(model.schema.fields[0]._replace(shape=(*sides, 3)),)
    )
    images = {"image": jax.ShapeDtypeStruct((2, *sides, 3), np.uint8)}
    outputs, _ = jax.eval_shape(
        model.clone(encoder=trunk).init_with_output, jax.random.key(0), images
    )
    shapes = {task: output.shape[1:] for task, output in outputs.items()}
    assert shapes["depth"] == sides
    assert shapes["segmentation"] == (*sides, FILES[name]["classes"])
    assert set(shapes) == {task.name for task in parts_of(name, "LS").dataset.tasks}


@pytest.mark.parametrize(("name", "images"), [("nyuv2", 795), ("cityscapes", 2975)])
def test_the_rate_is_halved_after_a_hundred_epochs_of_whole_batches(
    data_dir, name, images
):
    spec = SPECS[name]
    options = dict(option.split("=", 1) for option in spec.overrides)
    steps = images // int(options["trainer.batch_size"])
    assert steps <= int(options["trainer.max_chunk_steps"])  # none is left out
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", [*spec.overrides, *spec.rows[0].overrides])
    schedule = mtlx.compose.instantiate(cfg.optimizer.learning_rate)
    assert schedule(100 * steps - 1) == pytest.approx(1e-4)
    assert schedule(100 * steps) == pytest.approx(5e-5)
    assert schedule(200 * steps - 1) == pytest.approx(5e-5)


def test_the_change_is_over_all_metrics_of_the_paper():
    for name, spec in SPECS.items():
        change = spec.columns[-1]
        assert change.of == tuple(column.name for column in spec.columns[:-1])
        means = {
            row.name: {key: cell.mean for key, cell in row.published.items()}
            for row in spec.rows
        }
        for row, cells in means.items():
            terms = [
                (-1 if column.higher_is_better else 1)
                * (cells[column.name] / means["STL"][column.name] - 1)
                for column in spec.columns[:-1]
            ]
            printed = cells[change.name]
            assert 100 * np.mean(terms) == pytest.approx(printed, abs=0.35), (name, row)


@pytest.fixture
def small(data_dir, tmp_path, monkeypatch):
    """The table of NYUv2 with two rows, tiny and of one epoch."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((TABLES / "nash_mtl" / "nyuv2.yaml").read_text())
    content["overrides"] += [*TINY, "trainer.epochs=1", "trainer.batch_size=6"]
    content["rows"] = [r for r in content["rows"] if r["name"] in ("STL", "LS")]
    content["claims"] = []
    folder = tmp_path / "tables" / "nash_mtl"
    folder.mkdir(parents=True)
    (folder / "nyuv2.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setattr(reproduce, "all_devices", lambda: 1)
    monkeypatch.setattr(
        reproduce, "load_spec", functools.partial(load_spec, folder=folder.parent)
    )


def test_the_table_runs_with_one_command(small):
    arguments = ["paper=nash_mtl", "table=nyuv2", "seeds=2", "output=out"]
    assert reproduce.main(arguments) == 0
    record = json.loads(Path("out/nash_mtl/nyuv2.json").read_text())
    ours = {(c["row"], c["column"]): c["ours"] for c in record["cells"]}
    assert len(ours) == 2 * 10
    assert all(cell["n"] == 2 and np.isfinite(cell["mean"]) for cell in ours.values())
    assert ours["STL", "delta_m %"]["mean"] == pytest.approx(0, abs=1e-9)
    of = SPECS["nyuv2"].columns[:-1]
    terms = [
        (-1 if column.higher_is_better else 1)
        * (ours["LS", column.name]["mean"] / ours["STL", column.name]["mean"] - 1)
        for column in of
    ]
    change = ours["LS", "delta_m %"]["mean"]
    assert change == pytest.approx(100 * np.mean(terms))
    (result,) = Path("runs").glob("**/ls-*/**/seed=1/result.json")
    members = json.loads(result.read_text())["members"]
    assert members == 2
