"""Trains one model; with -m, a sweep: ``python -m experiments.train --help``."""

import sys
import time

import hydra
from omegaconf import DictConfig, OmegaConf

from experiments.job import Job, console, say_once
from experiments.record import folder_name
from experiments.startup import CONF, keep_compiled
from mtlx import compose
from mtlx.train import Checkpointer, Observer
from mtlx.train.curves import CurveWriter
from mtlx.train.parallel import first_process_first, is_writer, join_processes
from mtlx.train.progress import ProgressBar

OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)


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
    job.finish(result, parts.dataset, time.perf_counter() - begin)


def _observers(job: Job, parts: compose.Parts) -> tuple[Observer, ...]:
    return (
        ProgressBar(job.title, console),
        CurveWriter(job.folder / "epochs.csv"),
        parts.tracker(job.folder),
    )


if __name__ == "__main__":
    sys.exit(main())
