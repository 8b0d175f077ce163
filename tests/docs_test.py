"""All that is shown runs: the README's Python, and the doctests."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import mtlx
from experiments import catalogue, model_catalogue

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(mtlx.__path__, prefix="mtlx.")
)
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def python_blocks(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(2))
def test_the_readmes_examples_run(number, capsys):
    code = python_blocks(ROOT / "README.md")[number]
    exec(compile(code, f"README.md block {number}", "exec"), {})
    printed = capsys.readouterr().out
    if number == 0:
        aucs = [float(line.split()[-1]) for line in printed.splitlines()[-3:]]
        assert len(aucs) == 3
        assert min(aucs) > 0.85
    else:
        assert re.match(r"\[0\.70\d+ +0\.5\d*", printed)


def test_the_readme_has_no_other_examples():
    assert len(python_blocks(ROOT / "README.md")) == 2


def test_the_first_example_is_short():
    lines = python_blocks(ROOT / "README.md")[0].splitlines()
    assert len([line for line in lines if line.strip()]) <= 20


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    here = [link for link in links if "://" not in link]
    assert [link for link in here if not (page.parent / link).exists()] == []


def test_options_in_the_readme_are_those_of_the_configuration():
    text = (ROOT / "README.md").read_text()
    for group in ("model", "data", "optimizer"):
        (row,) = re.findall(rf"\| `{group}=` \|(.*)\|", text)
        shown = set(re.findall(r"`(\w+)`", row))
        assert shown == {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}


def test_the_table_of_balancers_is_up_to_date():
    """`python -m experiments.catalogue` writes it."""
    assert (ROOT / "docs" / "balancers.md").read_text() == catalogue.catalogue()


def test_the_page_of_models_is_the_codes():
    """`python -m experiments.model_catalogue` writes it; XLA may count otherwise."""
    pages = ((ROOT / "docs" / "models.md").read_text(), model_catalogue.catalogue())
    for line, expected in zip(*(page.splitlines() for page in pages), strict=True):
        cells, others = line.split(" | "), expected.split(" | ")
        if line.startswith("| `"):
            flops, count = (float(c.pop(4).replace(",", "")) for c in (cells, others))
            assert flops == pytest.approx(count, rel=0.03)
        assert cells == others
