"""A training run of `experiments.train`, composed without its command line."""

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from experiments.job import Job
from experiments.record import claim
from experiments.train import CONF


def compose_job(overrides: Sequence[str], folder: Path, number: int) -> Job:
    """The job that `python -m experiments.train OVERRIDES` would be; claims its folder.

    Args:
        overrides: as on the command line; those of a sweep have no place here.
        folder: where its files go, whatever the overrides.
        number: its place among the jobs that are run together.

    Raises:
        hydra.errors.HydraException: an override that fits no option or key.
        FileExistsError: the folder holds a run of another configuration.
    """
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", list(overrides), return_hydra_config=True)
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    claim(folder, cfg)
    return Job(cfg, folder, choices, tuple(overrides), number)
