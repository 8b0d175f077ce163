"""The page that sums up all tables, and the results that it reads."""

import json

import pytest

from experiments import reproductions
from experiments.reproduce_spec import load_spec, table_names
from mtlx.results.reproduction.judge import count_verdicts
from mtlx.results.reproduction.writers import WRITERS

STORED = sorted(reproductions.FOLDER.glob("*/*.json"))


def test_the_page_is_up_to_date():
    """`python -m experiments.reproductions` writes it."""
    stored = (reproductions.FOLDER / "README.md").read_text(encoding="utf-8")
    assert stored == reproductions.page()


def test_every_table_has_a_row_and_what_has_no_results_is_not_run(tmp_path):
    text = reproductions.page(tmp_path)
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    shown = [row.split(" | ")[0].strip("| ") for row in rows]
    _, waiting = text.split("## Tables whose data are not free to have")
    absent = [
        line[2:].split(":")[0] for line in waiting.splitlines() if line[:1] == "*"
    ]
    assert sorted(shown + absent) == table_names()
    assert absent == [n for n in table_names() if load_spec(n).unavailable]
    assert all(" | not run | 0 | 0 | 0 | " in row for row in rows)
    assert "## Not reproduced" not in text


def test_a_table_that_was_run_where_its_data_lie_has_a_row(tmp_path):
    name = "nash_mtl/cityscapes"
    record = reproductions._stored(tmp_path, name)
    record["seeds"]["run"] = 3
    path = tmp_path / f"{name}.json"
    path.parent.mkdir()
    path.write_text(json.dumps(record))
    text = reproductions.page(tmp_path)
    assert f"| {name} | " in text and f"* {name}:" not in text


def test_of_many_that_did_not_reproduce_the_first_are_listed(tmp_path):
    name = "mmoe/figure3"
    record = reproductions._stored(tmp_path, name)
    for cell in record["cells"][:7]:
        cell["verdict"] = "not reproduced"
    lines = reproductions._missed(record)
    assert len(lines) == reproductions.SHOWN + 1
    assert lines[-1] == f"* {name}: [3 more]({name}.md) of its cells and claims."


def test_a_reduced_protocol_is_said(tmp_path):
    name = "kurin2022/multi_mnist"
    record = reproductions._stored(tmp_path, name)
    record |= {"reduced": "8 of 100 epochs"}
    record["seeds"]["run"] = 2
    assert "| 2 of 10, 8 of 100 epochs |" in reproductions._row(record, tmp_path)
    record["seeds"]["run"] = 0
    assert "8 of 100 epochs" not in reproductions._row(record, tmp_path)


def test_what_did_not_reproduce_is_listed(tmp_path):
    name = table_names()[0]
    record = reproductions._stored(tmp_path, name)
    cell = record["cells"][0]
    cell |= {"verdict": "not reproduced", "reason": "ours is lower"}
    cell["difference"] = {"mean": -0.5, "low": -0.6, "high": -0.4}
    path = tmp_path / f"{name}.json"
    path.parent.mkdir()
    path.write_text(json.dumps(record))
    text = reproductions.page(tmp_path)
    line = f"* {name}: {cell['row']}, {cell['column']} (-0.5"
    assert line in text and "): ours is lower." in text


@pytest.mark.parametrize("path", STORED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_what_is_stored_is_of_this_table(path):
    """The renderings are the record's, and the table asks for the same cells."""
    record = json.loads(path.read_text(encoding="utf-8"))
    spec = load_spec(f"{path.parent.name}/{path.stem}")
    for suffix, render in WRITERS.items():
        assert path.with_suffix(f".{suffix}").read_text(encoding="utf-8") == render(
            record
        )
    cells = {(c["row"], c["column"]): c["published"] for c in record["cells"]}
    expected = {
        (row.name, column.name): row.published.get(column.name)
        for column in spec.columns
        for row in spec.rows
        if row.has(column)
    }
    assert cells == {k: v and v._asdict() for k, v in expected.items()}
    assert record["rule"] == spec.rule._asdict()
    assert sum(count_verdicts(record).values()) == len(cells) + len(spec.claims)
