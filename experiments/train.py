"""Trains one model; with -m, a sweep: ``python -m experiments.train --help``."""

import sys
import time
from pathlib import Path

import hydra
import jax
from omegaconf import DictConfig, OmegaConf

from experiments.job import Job, console, say_once
from experiments.record import folder_name
from mtlx import compose
from mtlx.data.folders import cache_folder
from mtlx.train import Checkpointer, Observer
from mtlx.train.curves import CurveWriter
from mtlx.train.parallel import first_process_first, is_writer, join_processes
from mtlx.train.progress import ProgressBar

OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
CONF = str(Path(__file__).resolve().parents[1] / "conf")


@hydra.main(version_base="1.3", config_path=CONF, config_name="train")
def main(cfg: DictConfig) -> None:
    """Runs what the configuration says, unless its folder holds the result already."""
    if cfg.trainer.distributed:
        join_processes(**cfg.trainer.processes)
    job = Job.current(cfg)
    if not job.is_done():
        train(job)


def train(job: Job) -> None:
    """One run, from its configuration to its `result.json`."""
    keep_compiled()
    begin, cfg = time.perf_counter(), job.cfg
    with first_process_first():  # it prepares the data
        parts = compose.build(cfg)
    for note in parts.dataset.notes:
        say_once(note)
    checkpointer = Checkpointer(job.folder / "checkpoint", fresh=not cfg.resume)
    result = parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        seed=cfg.seed,
        observers=_observers(job, parts) if is_writer() else (),
        checkpointer=checkpointer,
        resume=cfg.resume and checkpointer.latest() is not None,
    )
    job.finish(result, parts.dataset.tasks, time.perf_counter() - begin)


def _observers(job: Job, parts: compose.Parts) -> tuple[Observer, ...]:
    return (
        ProgressBar(job.title, console),
        CurveWriter(job.folder / "epochs.csv"),
        parts.tracker(job.folder),
    )


def keep_compiled() -> None:
    """Compiled programs are kept in the user's cache folder: paid for once."""
    jax.config.update("jax_compilation_cache_dir", str(cache_folder(None) / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


if __name__ == "__main__":
    sys.exit(main())
