"""Trains what texts alone can teach: ``python -m experiments.pretrain --help``."""

import sys
from pathlib import Path

import hydra
import jax
import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.job import say
from experiments.record import folder_name
from experiments.startup import CONF, keep_compiled
from mtlx import compose
from mtlx.data import Dataset
from mtlx.pretrain import save_start
from mtlx.types import Field

OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
VALUES = "start.safetensors"


@hydra.main(version_base="1.3", config_path=CONF, config_name="pretrain")
def main(cfg: DictConfig) -> None:
    """Writes start.safetensors into the run's folder."""
    keep_compiled()
    pretrain(cfg, Path(HydraConfig.get().runtime.output_dir))


def pretrain(cfg: DictConfig, folder: Path) -> Path:
    """One run of what the configuration says; returns the file that it wrote."""
    dataset = compose.build_dataset(cfg)
    field = find_field(dataset, cfg.field)
    train = compose.instantiate(cfg.pretrain)
    ids = np.asarray(dataset.train.features[field.name])
    found = train(ids, field, jax.random.key(cfg.seed))
    path = folder / VALUES
    save_start(path, found.values)
    losses = " ".join(f"{loss:.3f}" for loss in found.losses)
    say(f"Loss by epoch: {losses}\nValues: {path}")
    return path


def find_field(dataset: Dataset, name: str) -> Field:
    """The text field of that name.

    Raises:
        ValueError: the data set has none.
    """
    texts = {f.name: f for f in dataset.schema.fields if f.kind == "text"}
    if name not in texts:
        raise ValueError(
            f"{dataset.name}: expected a text field {name!r}, found {sorted(texts)}. "
            f"Mend field=..., or choose data with texts."
        )
    return texts[name]


if __name__ == "__main__":
    sys.exit(main())
