"""A training run of `experiments.train`, composed without its command line."""

import copy
import functools
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf, open_dict

from experiments.job import Job
from experiments.record import claim
from experiments.train import CONF


def compose_job(overrides: Sequence[str], folder: Path, number: int, seed: int) -> Job:
    """The job that `python -m experiments.train OVERRIDES seed=SEED` would be.

    Claims its folder. Runs that differ in their seed alone are composed once: Hydra
    takes .1 s or more for it, and a published table has up to 1,800 runs.

    Args:
        overrides: as on the command line; those of a sweep have no place here.
        folder: where its files go, whatever the overrides.
        number: its place among the jobs that are run together.
        seed: of the run, whatever the overrides.

    Raises:
        hydra.errors.HydraException: an override that fits no option or key.
        FileExistsError: the folder holds a run of another configuration.
    """
    cfg, choices = _composed(tuple(overrides))
    cfg = copy.deepcopy(cfg)
    cfg.seed = seed
    claim(folder, cfg)
    return Job(cfg, folder, dict(choices), (*overrides, f"seed={seed}"), number)


@functools.lru_cache(maxsize=1)  # the seeds of a setting come one after another
def _composed(overrides: tuple[str, ...]) -> tuple[DictConfig, dict[str, str]]:
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", list(overrides), return_hydra_config=True)
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg, choices
