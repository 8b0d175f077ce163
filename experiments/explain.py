"""Why a model said what it said of some rows."""

import json
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from omegaconf import DictConfig

from experiments.finished import load_finished
from mtlx.data.answer_file import write_answers
from mtlx.data.categorical import Columns
from mtlx.data.signature import Signature
from mtlx.data.tabular.input_columns import take_rows
from mtlx.results.attributions import FOLDER, PICTURE, draw_attributions
from mtlx.serving.attention import attention_weights
from mtlx.serving.attribution import Attribution, integrated_gradients
from mtlx.train.inspect import gate_weights


def explain(cfg: DictConfig, rows: Columns, count: int) -> str:
    """Writes tables and a picture of the first of `count` rows into
    `<run>/explanation/`.

    Raises:
        ValueError: a task whose output is not of the row as it is.

    Returns:
        What was written, and how far the attributions are from adding up.
    """
    run = load_finished(cfg.run)
    _check_tasks(run.signature)
    chosen = np.arange(min(cfg.explain_rows, count))
    first = {name: take_rows(column, chosen) for name, column in rows.items()}
    features = jax.device_put(run.signature.preprocessing.encode(first))
    found = integrated_gradients(
        run.model, run.variables, run.signature, features, cfg.explain_steps
    )
    folder = run.folder / FOLDER
    write_answers(folder / "attributions.parquet", _table(found))
    weights = {
        "gates": gate_weights(run.model, run.variables, features),
        "attention": attention_weights(run.model, run.variables, features),
    }
    for name, modules in weights.items():
        if modules:
            write_answers(folder / f"{name}.parquet", _weights(modules))
    draw_attributions(found, folder / PICTURE)
    shown, gap = found.output.shape[1], float(np.abs(found.gap).max())
    facts = {"input": Path(cfg.input).name, "rows": shown, "largest_gap": gap}
    (folder / "explanation.json").write_text(json.dumps(facts, indent=1))
    return (
        f"{shown} rows explained, attributions add up to within {gap:.2g} "
        f"({cfg.explain_steps} steps): {folder}"
    )


def _check_tasks(signature: Signature) -> None:
    strange = [t.name for t in signature.tasks if t.kind in ("ziln", "retrieval")]
    strange += signature.preprocessing.foretold
    if strange:
        raise ValueError(
            f"explain=true expected tasks whose output is a logit or a value of the "
            f"row as it is, found {', '.join(strange)}, which is not (ziln, retrieval, "
            f"or a task that does not see the row's item). Leave explain out."
        )


def _table(found: Attribution) -> dict[str, np.ndarray]:
    """A line for each row, task and input."""
    task, row, place = (index.ravel() for index in np.indices(found.values.shape))
    return {
        "row": row,
        "task": np.array(found.tasks)[task],
        "input": np.array(found.inputs)[place],
        "attribution": found.values.ravel(),
        "output": found.output[task, row],
        "baseline": found.baseline[task, row],
    }


def _weights(modules: Mapping[str, jax.Array]) -> dict[str, np.ndarray]:
    """A line for each weight: of gates [B, G, E], of attention [B, H, Q, K]."""
    names = {3: ("row", "gate", "expert"), 4: ("row", "head", "query", "key")}
    parts = []
    for module, weights in modules.items():
        weights = np.asarray(weights, np.float32)
        places = [index.ravel() for index in np.indices(weights.shape)]
        part = dict(zip(names[weights.ndim], places, strict=True))
        module = np.full(weights.size, module)
        parts.append({"module": module, **part, "weight": weights.ravel()})
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
