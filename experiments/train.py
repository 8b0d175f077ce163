"""Trains one model; with -m, a sweep: ``python -m experiments.train --help``."""

import functools
import sys
import time
from pathlib import Path
from typing import Any

import hydra
import jax
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.record import claim, folder_name, read_result, write_result
from experiments.sweep import SweepProgress
from mtlx import compose
from mtlx.data.folders import cache_folder
from mtlx.train import Checkpointer
from mtlx.train.curves import CurveWriter
from mtlx.train.progress import ProgressBar

OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
CONF = str(Path(__file__).resolve().parents[1] / "conf")


@hydra.main(version_base="1.3", config_path=CONF, config_name="train")
def main(cfg: DictConfig) -> None:
    """Runs what the configuration says, unless its folder holds the result already."""
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    console = Console()
    say = functools.partial(console.print, highlight=False, soft_wrap=True)
    title = _title(cfg, settings)
    begin = time.perf_counter()

    claim(folder, cfg)
    record = read_result(folder)
    if record is not None and record["planned_epochs"] == cfg.trainer.epochs:
        say(f"{title}: done before")
        return
    record = train(cfg, settings, folder, ProgressBar(title, console))
    line = f"{title}: {_headline(record)}, {time.perf_counter() - begin:.1f} s"
    if settings.mode == RunMode.MULTIRUN:
        left = SweepProgress.left(settings.job.num, time.perf_counter() - begin)
        line = f"{line}, {left} left"
    say(line)
    if settings.mode == RunMode.RUN:
        say(f"Results: {folder}")


def train(
    cfg: DictConfig, settings: DictConfig, folder: Path, progress: ProgressBar
) -> dict[str, Any]:
    """One run, from its configuration to its `result.json`."""
    jax.config.update("jax_compilation_cache_dir", str(cache_folder(None) / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    parts = compose.build(cfg)
    checkpointer = Checkpointer(folder / "checkpoint", fresh=not cfg.resume)
    result = parts.fit(
        parts.model,
        parts.dataset,
        parts.balancer,
        parts.optimizer,
        seed=cfg.seed,
        observers=(progress, CurveWriter(folder / "epochs.csv"), parts.tracker(folder)),
        checkpointer=checkpointer,
        resume=cfg.resume and checkpointer.latest() is not None,
    )
    choices = settings.runtime.choices
    facts = {
        "study": cfg.study,
        "model": choices.model,
        "balancer": choices.balancer,
        "data": choices.data,
        "seed": cfg.seed,
        "overrides": list(settings.overrides.task),
        "planned_epochs": cfg.trainer.epochs,
        "tasks": {
            task.name: {"kind": task.kind, "metrics": list(task.metrics)}
            for task in parts.dataset.tasks
        },
    }
    return write_result(folder, result, facts)


def _title(cfg: DictConfig, settings: DictConfig) -> str:
    choices = settings.runtime.choices
    name = f"{choices.model} {choices.balancer} seed {cfg.seed}"
    if settings.mode == RunMode.MULTIRUN:
        return f"{SweepProgress.place(settings.job.num)} {name}"
    return name


def _headline(record: dict[str, Any]) -> str:
    """The test value of each task's first metric."""
    values = []
    for task, facts in record["tasks"].items():
        metric = facts["metrics"][0]
        values.append(f"{task} {metric} {record['test'][task][metric]:.4f}")
    return ", ".join(values)


if __name__ == "__main__":
    sys.exit(main())
