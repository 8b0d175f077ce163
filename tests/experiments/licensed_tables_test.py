"""Published tables whose data are behind a form, on made-up files of the true form.

Their files are the real ones, cut to two rows, narrow layers and one short epoch.
"""

import functools
import re

import jax
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import mtlx.compose
from experiments import reproduce
from experiments.reproduce_spec import TABLES, load_spec, table_names
from experiments.train import CONF
from mtlx.data.builders import aliexpress_format as ae
from mtlx.results.reproduction.parse import parse_spec
from mtlx.train import init_state, make_step
from tests.data.public_logs import (
    aliccp_files,
    aliexpress_rows,
    tenrec_rows,
    write_tenrec,
)

COUNTRIES = {c: f"mtreclib/aliexpress_{c.lower()}" for c in ("NL", "ES", "FR", "US")}
FOLDERS = ("ali_ccp", "Tenrec", *(f"AliExpress_{c}" for c in COUNTRIES))
KEPT = {
    "aitm/ali_ccp": ("MLP", "AITM"),
    "esmm/ali_ccp": ("BASE", "ESMM"),
    "merlin/tenrec": ("MLP, shared bottom", "MMoE"),
    # One pair of programs, compiled once.
    **dict.fromkeys(COUNTRIES.values(), ("Shared-Bottom", "AITM")),
    "ple/ali_ccp": ("Single-Task", "MMoE"),
    "tenrec/multi_task": ("Only click, only like", "ESMM"),
}
SAME = tuple(COUNTRIES[country] for country in ("ES", "FR", "US"))  # as NL
# Of few rows a hundredth has not both values of every label.
SMALL = {"merlin/tenrec": ["data.split.validation=0.2"]}
SHORT = ["encoder.embedding_dim=2", "trainer.epochs=1", "trainer.batch_size=64"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with all of these sets."""
    root = tmp_path_factory.mktemp("data")
    aliccp_files(root / "ali_ccp", rows=300)
    for name in FOLDERS[2:]:
        (root / name).mkdir()
        for seed, part in enumerate(("train", "test")):
            rows = [ae.COLUMNS, *aliexpress_rows(seed)]
            lines = (",".join(map(str, row)) + "\n" for row in rows)
            (root / name / f"{part}.csv").write_text("".join(lines))
    write_tenrec(root / "Tenrec" / "ctr_data_1M.csv", tenrec_rows(900))
    write_tenrec(root / "Tenrec" / "QK-video.csv", tenrec_rows(900), history=False)
    return root


@pytest.fixture
def at_hand(folder, monkeypatch):
    monkeypatch.setenv("MTLX_DATA_DIR", str(folder))
    monkeypatch.setenv("MTLX_CACHE_DIR", str(folder / "cache"))


def cut(overrides, name):
    """As many layers, each of four units."""
    narrow = [
        re.sub(r"\d+", "4", each) if "_widths=" in each else each for each in overrides
    ]
    return [*narrow, *SHORT, *SMALL.get(name, [])]


def cut_table(name):
    """The table's own file with the rows of `KEPT` and what is said of them."""
    path = TABLES / f"{name}.yaml"
    table = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    table["rows"] = [
        {**row, "overrides": cut(row["overrides"], name)}
        for row in table["rows"]
        if row["name"] in KEPT[name]
    ]
    table["claims"] = [
        claim
        for claim in table.get("claims", [])
        if {claim["lower"], claim["higher"]} <= set(KEPT[name])
    ]
    return table


def test_these_are_all_tables_of_such_data():
    needing = {n for n in table_names() if set(load_spec(n).needs) & set(FOLDERS)}
    assert needing == set(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_the_table_runs_where_its_data_lie(name, at_hand, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    real, (paper, table) = load_spec(name), name.split("/")
    assert not reproduce.missing_data(real)
    spec = parse_spec(cut_table(name), paper, table)
    seeds = 2 if name == "aitm/ali_ccp" else 1  # of blocks, one after another
    options = reproduce.read_options([f"paper={paper}", f"table={table}"])
    record, failed = reproduce.reproduce(spec, seeds, options, devices=1)
    assert not failed
    assert [cell["row"] for cell in record["cells"]] == [*KEPT[name]] * len(
        real.columns
    )
    printed = {row.name: row.published for row in real.rows}
    for cell in record["cells"]:
        whole = 100 if cell["column"].endswith("%") else 1
        assert cell["ours"]["n"] == seeds and 0 < cell["ours"]["mean"] < whole
        assert cell["verdict"] != "not run"
        found = printed[cell["row"]].get(cell["column"])
        assert cell["published"] == (found and found._asdict())


@pytest.mark.parametrize("country", ["ES", "FR", "US"])
def test_countries_differ_in_the_country_alone(country):
    one, other = (load_spec(COUNTRIES[name]) for name in ("NL", country))
    assert other.needs == (f"AliExpress_{country}",)
    assert f"data.country={country}" in other.overrides
    rows = [[row._replace(published={}) for row in spec.rows] for spec in (one, other)]
    assert rows[0] == rows[1]
    assert [row.published for row in one.rows] != [row.published for row in other.rows]
    changed = [x.replace(f"={country}", "=NL") for x in other.overrides]
    assert tuple(changed) == one.overrides
    for field in ("columns", "seeds", "reduced_seeds", "rule", "departures"):
        assert getattr(one, field) == getattr(other, field)


@pytest.mark.parametrize("name", sorted(KEPT.keys() - set(SAME)))
def test_every_row_builds_and_makes_a_step(name, at_hand):
    """In the published sizes, by shape: nothing is compiled."""
    spec = load_spec(name)
    for row in spec.runnable:
        with initialize_config_dir(CONF, version_base="1.3"):
            overrides = [*spec.overrides, *row.overrides, *SMALL.get(name, [])]
            parts = mtlx.compose.build(compose("train", overrides))
        rows = jax.tree.map(lambda column: column[:8], parts.dataset.validation)
        batch = rows._replace(groups=None)
        model, optimizer, balancer = parts.model, parts.optimizer, parts.balancer
        start = functools.partial(init_state, model, optimizer, balancer)
        state = jax.eval_shape(start, batch, jax.random.key(0))
        step = make_step(model, parts.dataset.tasks, optimizer, balancer, 4)
        _, metrics = jax.eval_shape(step, state, batch)
        asked = {column.task for column in spec.columns} - {"*"}
        assert asked <= {task.name for task in parts.dataset.tasks}
        assert metrics["loss"].shape == (len(parts.dataset.tasks),)
