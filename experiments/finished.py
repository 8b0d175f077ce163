"""A finished run, ready to answer."""

from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.job import say
from experiments.record import read_result
from experiments.signature import read_signature
from mtlx import compose
from mtlx.data.catalogue import Catalogue
from mtlx.data.dataset import Dataset
from mtlx.data.signature import Signature
from mtlx.train import Checkpointer
from mtlx.train.plan import Settings
from mtlx.types import Batch, PyTree


class Finished(NamedTuple):
    """The model of a run at its best epoch, and what it takes and gives."""

    folder: Path
    model: nn.Module
    variables: PyTree
    signature: Signature
    origin: dict[str, Any]  # facts of the run
    cfg: DictConfig  # that it was trained by


def load_finished(folder: str | Path) -> Finished:
    """The run in a folder.

    Raises:
        FileNotFoundError: no folder of a finished run, or one without parameters.
        ValueError: a run none of whose epochs was selected, or on data whose rows
            cannot be scored one by one.
        DataError: a damaged signature.
    """
    folder = Path(folder)
    record = read_result(folder)
    if record is None or not (folder / "config.yaml").is_file():
        raise FileNotFoundError(
            f"Expected the folder of a finished run, with config.yaml and result.json, "
            f"found {folder} without. Mend run=..., or let the run end."
        )
    if not record["best_epoch"]:
        raise ValueError(
            f"Expected a run with a selected epoch, found {folder}, whose first epoch "
            f"diverged. Train it with a smaller optimizer.learning_rate."
        )
    cfg = OmegaConf.load(folder / "config.yaml")
    signature, refitted = read_signature(folder, cfg)
    if refitted:
        say(f"{folder}: its preprocessing was not stored; fitted again from its data.")
    return Finished(
        folder=folder,
        model=_model(cfg, signature),
        variables=_variables(folder),
        signature=signature,
        origin={
            key: record[key]
            for key in ("data", "model", "balancer", "seed", "best_epoch", "test")
        },
        cfg=cfg,
    )


def _model(cfg: DictConfig, signature: Signature) -> nn.Module:
    """The run's model; of the data it needs but their tasks and schema."""
    features = {
        name: np.zeros((1, *shape), dtype)
        for name, (shape, dtype) in signature.shapes().items()
    }
    retrieval = [task.name for task in signature.tasks if task.kind == "retrieval"]
    none = {name: np.zeros(1, np.int32) for name in retrieval}
    rows = Batch(features, none, {name: np.zeros(1, bool) for name in retrieval})
    like = Dataset(
        *(signature.data, signature.tasks, signature.schema, rows, rows, rows),
        catalogues=dict.fromkeys(retrieval, Catalogue({}, np.zeros(1))),
    )
    settings = Settings(compute_dtype=cfg.trainer.get("compute_dtype"))
    return settings.cast(compose.build_architecture(cfg, like, {}))


def _variables(folder: Path) -> PyTree:
    checkpointer = Checkpointer(folder / "checkpoint")
    try:
        return checkpointer.restore_selected()
    finally:
        checkpointer.close()
