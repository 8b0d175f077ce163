"""The worked example of docs/data/table.md runs as it is written there."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.job import say_once
from mtlx.data import DataError, inputs, tabular
from tests.conf_test import step_shapes
from tests.data.table_files import shop_columns, write_csv

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "data" / "table.md").read_text()


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def shop_config(tmp_path, *overrides):
    """What `--config-dir my_conf data=shop` composes, of the page's own file."""
    folder = tmp_path / "my_conf" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.yaml").write_text(block("yaml"))
    log = write_csv(tmp_path / "log.csv", shop_columns())
    assert log.read_text().splitlines()[0].replace('"', "") == block("csv").split()[0]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(
            "train",
            overrides=[
                f"hydra.searchpath=[file://{folder.parent}]",
                "data=shop",
                f"data.files={log}",
                *overrides,
            ],
        )


def test_the_worked_example_makes_a_step(tmp_path):
    cfg = shop_config(tmp_path, "model=mmoe", "encoder=din", "trainer=smoke")
    parts = mtlx.compose.build(cfg)
    assert parts.dataset.name == "shop"
    assert [task.name for task in parts.dataset.tasks] == ["click", "buy", "stars"]
    assert parts.dataset.test.groups is not None
    assert step_shapes(parts)["loss"].shape == (3,)


def test_the_cross_validation_of_the_page(tmp_path):
    overrides = re.findall(r"'([^'\s]*data\.split[^']*)'", PAGE)
    assert len(overrides) == 3
    tested = set()
    for fold in range(5):
        swept = overrides[2].replace("range(0,5)", str(fold))
        cfg = shop_config(tmp_path, *overrides[:2], swept)
        dataset = mtlx.compose.build_dataset(cfg)
        tested |= set(dataset.test.groups.tolist())
    assert len(tested) == 24  # users, each of them once


def test_columns_are_left_out_and_changed_on_the_command_line(tmp_path):
    changed = "+data.inputs.price={_target_:mtlx.data.inputs.Quantiles,bins:4}"
    plain = ("~data.inputs.price", changed, "data.inputs.title=null")
    cfg = shop_config(tmp_path, *plain)
    schema = mtlx.compose.build_dataset(cfg).schema
    assert schema.numericals == 0 and "price" in schema.names
    assert [field.name for field in schema.fields] == ["seen"]
    cfg = shop_config(tmp_path, changed.replace("price", "prise"))
    with pytest.raises(DataError, match="'prise'.*Is it 'price'"):
        mtlx.compose.build_dataset(cfg)


@pytest.mark.parametrize("module, does", [(inputs, "fit"), (tabular, "parts")])
def test_the_page_lists_all_that_can_be_declared(module, does):
    table = PAGE.split(f"`_target_: {module.__name__}.`")[1].split("\n\n")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    declared = {name for name in module.__all__ if hasattr(getattr(module, name), does)}
    # Protocols; and `Number` does all that Standardised does, and more.
    assert listed == declared - {"Counted", "Input", "Split", "Standardised"}


def test_notes_are_said_once_in_a_sweep(capsys):
    for _ in range(3):
        say_once("shop: 190 train, 24 validation, 26 test rows.")
    said = capsys.readouterr().out
    assert said == "shop: 190 train, 24 validation, 26 test rows.\n"
