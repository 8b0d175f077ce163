"""Writes docs/models.md from the code: python -m experiments.model_catalogue."""

import functools
import importlib
import sys
from pathlib import Path

import jax
import yaml

from mtlx import models
from mtlx.types import Schema

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "models.md"
FIELDS, IDS, ROWS = 32, 10, 256
SCHEMA = Schema(
    cardinalities=(3, *(IDS,) * (FIELDS - 1)),
    names=("domain", *(f"column_{number}" for number in range(1, FIELDS))),
    domain="domain",
    personal=("column_1", "column_2"),
)
HEAD = f"""# Models

Generated from the code by `python -m experiments.model_catalogue`; a test keeps it so.

Every architecture at the defaults of its option, on {FIELDS} categorical columns (256
encoded inputs), one of 3 ids that is the domain and the others of {IDS}, and three
binary tasks. *Parameters*: all of them; the defaults are chosen to make them alike, and
`match_params=true model@reference=mmoe` does so on other data, where the model has
layers to size. *Flops*: of a forward pass, a row, in thousands, at a batch of {ROWS}.
*Shared*: the share of the parameters that more than one task's loss depends on, which
is what a balancer weighs. *Penalty*: what the model adds to the objective beside its
tasks' losses.

"""
COLUMNS = """| model | class | what it is | parameters | flops | shared | penalty |
| --- | --- | --- | --- | --- | --- | --- |
"""
CTR_HEAD = """
The networks of a single task that click-through rates are predicted with, one for each
of the three tasks; their sizes are those of their options.

"""


def catalogue() -> str:
    """The page as text."""
    return HEAD + _table("*.yaml") + CTR_HEAD + _table("ctr/*.yaml")


def _table(options: str) -> str:
    paths = sorted((ROOT / "conf" / "model").glob(options))
    return COLUMNS + "".join(f"{_row(path)}\n" for path in paths)


def build(path: Path) -> models.MultiTaskModel:
    """The architecture of an option, at its defaults."""
    config = yaml.safe_load(path.read_text())
    module, _, name = config.pop("_target_").rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    del config["_partial_"]
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    sizes = SCHEMA.cardinalities
    encoder = functools.partial(models.FeatureEncoder, cardinalities=sizes)
    tasks, outputs = ("a", "b", "c"), (1,) * 3
    return cls(tasks=tasks, outputs=outputs, encoder=encoder, schema=SCHEMA, **frozen)


def _row(path: Path) -> str:
    model = build(path)
    features = {"categorical": jax.ShapeDtypeStruct((ROWS, FIELDS), "int32")}
    shapes = jax.eval_shape(model.init, jax.random.key(0), features)
    total = models.count_parameters(model, features)
    leaves = jax.tree_util.tree_leaves_with_path(shapes["params"])
    owners = [model.owner(tuple(key.key for key in at)) for at, _ in leaves]
    sizes = zip(owners, (leaf.size for _, leaf in leaves), strict=True)
    shared = sum(size for owner, size in sizes if owner is None)
    cells = [
        f"`{path.relative_to(ROOT / 'conf' / 'model').with_suffix('')}`",
        f"`{type(model).__name__}`",
        (type(model).__doc__ or "").splitlines()[0].rstrip(".:").replace("|", "\\|"),
        f"{total:,}",
        f"{models.count_flops(model, features) / 1000:,.0f}",
        f"{shared / total:.0%}",
        ", ".join(_penalties(model, shapes, features)) or "none",
    ]
    return f"| {' | '.join(cells)} |"


def _penalties(model, variables, features) -> list[str]:
    """Names of the penalties that training collects."""

    def apply(variables, features):
        options = {"train": True, "rngs": {"dropout": jax.random.key(0)}}
        mutable = ["penalties", "batch_stats"]
        return model.apply(variables, features, mutable=mutable, **options)[1]

    found = jax.eval_shape(apply, variables, features).get("penalties", {})
    return sorted({at[-1].key for at, _ in jax.tree_util.tree_leaves_with_path(found)})


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE}\n")
    PAGE.write_text(catalogue())
