"""One run of a command, as Hydra composed it."""

import functools
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from experiments.record import claim, make_record, read_result, write_result
from experiments.signature import store_signature
from experiments.sweep import SweepProgress
from mtlx.data.dataset import Dataset
from mtlx.train import Result
from mtlx.train.parallel import is_writer

console = Console()


def say(text: str) -> None:
    """Prints; of the processes of one run, the first speaks for all."""
    if is_writer():
        console.print(text, highlight=False, soft_wrap=True)


@functools.cache
def say_once(text: str) -> None:
    """Prints what is the same for all runs of a sweep."""
    say(text)


class Job(NamedTuple):
    """A run's configuration, and where its files go."""

    cfg: DictConfig
    folder: Path
    choices: dict[str, str]  # group -> option
    overrides: tuple[str, ...]
    number: int | None  # within a multirun

    @classmethod
    def current(cls, cfg: DictConfig) -> "Job":
        """The job that Hydra is running; claims its folder."""
        settings = HydraConfig.get()
        multirun = settings.mode == RunMode.MULTIRUN
        job = cls(
            cfg=cfg,
            folder=Path(settings.runtime.output_dir),
            choices=dict(settings.runtime.choices),
            overrides=tuple(settings.overrides.task),
            number=settings.job.num if multirun else None,
        )
        if is_writer():
            claim(job.folder, cfg)
        return job

    @property
    def title(self) -> str:
        """E.g. "[ 3/60] mmoe pcgrad seed 0"."""
        name = f"{self.choices['model']} {self.choices['balancer']}"
        name = f"{name} seed {self.cfg.seed}"
        return (
            name
            if self.number is None
            else f"{SweepProgress.place(self.number)} {name}"
        )

    def is_done(self) -> bool:
        """Whether its folder holds the result; says so if it does."""
        record = read_result(self.folder)
        done = record is not None and (
            record["planned_epochs"] == self.cfg.trainer.epochs
        )
        if done:
            SweepProgress.found += 1
            say(f"{self.title}: done before")
        return done

    def finish(self, result: Result, dataset: Dataset, seconds: float) -> None:
        """Writes the result, and what serving needs, and says what it is."""
        facts = {
            "study": self.cfg.study,
            **{name: self.choices[name] for name in ("model", "balancer", "data")},
            "seed": self.cfg.seed,
            "overrides": list(self.overrides),
            "planned_epochs": self.cfg.trainer.epochs,
            "tasks": {
                task.name: {"kind": task.kind, "metrics": list(task.metrics)}
                for task in dataset.tasks
            },
        }
        record = make_record(result, facts)
        if is_writer():
            if unserved := store_signature(self.folder, dataset):
                say(f"{self.title}: {unserved}")
            write_result(self.folder, record)
        line = f"{self.title}: {_headline(record)}, {seconds:.1f} s"
        if self.number is None:
            say(f"{line}\nResults: {self.folder}")
        else:
            say(f"{line}, {SweepProgress.left(seconds)} left")
        sys.stdout.flush()


def _headline(record: dict[str, Any]) -> str:
    """The test value of each task's first metric."""
    values = []
    for task, facts in record["tasks"].items():
        metric = facts["metrics"][0]
        values.append(f"{task} {metric} {record['test'][task][metric]:.4f}")
    return ", ".join(values)
