"""The jobs of a sweep in groups that differ in numbers alone, one program a group.

A group's jobs have the same configuration but for the seed and for numbers: arguments
of the model, balancer, optimizer or data group whose values are floats (write 1.0, not
1) or lists of floats of one length. A number that the program cannot take as an
argument, since Python decides on it, parts the group. Jobs whose training rows are
blocks on disk are groups of their own.
"""

import json
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from experiments.job import Job, console, say_once
from experiments.train import keep_compiled, train
from mtlx import compose
from mtlx.data.dataset import Dataset, Stream
from mtlx.train import Checkpointer, fit_population
from mtlx.train.curves import CurveWriter
from mtlx.train.population import traces
from mtlx.train.progress import ProgressBar

GROUPS = ("model", "balancer", "optimizer", "data")
TRAINER = "mtlx.train.fit"
ALONE = ("parallel", "mesh", "shard_rows", "curves")  # arguments of `fit` alone
APART = ("seed", "study", "resume", "tracker")  # no part of what is compiled


class Group(NamedTuple):
    """Jobs that are trained at once, and the numbers in which they differ."""

    jobs: list[Job]
    numbers: dict[str, list[Any]]


def launch(
    configs: Sequence[DictConfig],
    context: HydraContext,
    max_members: int | None,
    devices: int | None,
) -> list[JobReturn]:
    """Trains the jobs of all configurations, group by group.

    A group that fails leaves the others alone; its error is raised at the end.
    """
    devices = all_devices() if devices is None else devices
    jobs: list[Job] = []
    returns = [_collect(config, context, jobs) for config in configs]
    failed = train_jobs(jobs, max_members, devices)
    for done in returns:  # told by Hydra, once all groups had their turn
        if (error := failed.get(done.hydra_cfg.hydra.job.num)) is not None:
            done.status, done.return_value = JobStatus.FAILED, error
    return returns


def all_devices() -> int:
    """Their number; without an accelerator each core becomes one.

    To be called before JAX computes anything.
    """
    keep_compiled()
    # A no-op beside an accelerator. Cores as devices of their own wait for nobody.
    jax.config.update("jax_num_cpu_devices", _cores())
    return jax.local_device_count()


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def train_jobs(
    jobs: Sequence[Job], max_members: int | None, devices: int
) -> dict[int | None, Exception]:
    """Trains those that are not done, group by group: {number of a job: its error}.

    A group that fails leaves the others alone.
    """
    keep_compiled()
    failed: dict[int | None, Exception] = {}
    for group in group_jobs([job for job in jobs if not job.is_done()]):
        try:
            if len(group.jobs) == 1:
                train(group.jobs[0])
            else:
                train_group(group, max_members, devices)
        except Exception as error:
            failed |= {job.number: error for job in group.jobs}
    return failed


def _collect(config: DictConfig, context: HydraContext, jobs: list[Job]) -> JobReturn:
    """Lets Hydra set up a job, which is noted and not run."""
    return run_job(
        task_function=lambda cfg: jobs.append(Job.current(cfg)),
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
        hydra_context=context,
    )


def group_jobs(jobs: Sequence[Job]) -> list[Group]:
    """The groups, in the order of their first jobs."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(_shape_of(job), []).append(job)
    return [part for jobs in groups.values() for part in _part(jobs)]


def train_group(group: Group, max_members: int | None, devices: int) -> None:
    """All runs of a group, from their configurations to their `result.json`."""
    begin, jobs = time.perf_counter(), group.jobs
    cfg = jobs[0].cfg
    trainer = compose.build_trainer(cfg)
    if any(name.startswith("data.") for name in group.numbers):
        dataset = every = _datasets(jobs)
    else:
        dataset = compose.build_dataset(cfg)
        every = [dataset] * len(jobs)
        for note in dataset.notes:
            say_once(note)
    checkpointers = [
        Checkpointer(j.folder / "checkpoint", fresh=not cfg.resume) for j in jobs
    ]
    results = fit_population(
        _build(cfg),
        dataset,
        [job.cfg.seed for job in jobs],
        {k: v for k, v in group.numbers.items() if not k.startswith("data.")},
        observers=(ProgressBar(_title(jobs), console),),
        member_observers=[
            (
                CurveWriter(job.folder / "epochs.csv"),
                compose.instantiate(job.cfg.tracker)(job.folder),
            )
            for job in jobs
        ],
        checkpointers=checkpointers,
        resume=cfg.resume and checkpointers[0].latest() is not None,
        max_members=max_members,
        devices=devices,
        **{k: v for k, v in trainer.keywords.items() if k not in ALONE},
    )
    share = (time.perf_counter() - begin) / len(jobs)
    for job, result, data in zip(jobs, results, every, strict=True):
        job.finish(result, data, share)


def _datasets(jobs: Sequence[Job]) -> list[Dataset]:
    """Of each job; jobs with the same data share one, hundreds of seeds too.

    `compose.build_dataset` keeps only the last one, and the jobs of a sweep take turns.
    """
    made: dict[str, Dataset] = {}
    keys = [OmegaConf.to_yaml(job.cfg.data, resolve=True) for job in jobs]
    for key, job in zip(keys, jobs, strict=True):
        if key not in made:
            made[key] = compose.build_dataset(job.cfg)
    return [made[key] for key in keys]


def _build(cfg: DictConfig):
    dataset = compose.build_dataset(cfg)
    return lambda numbers: compose.build_recipe(cfg, dataset, numbers)


def _title(jobs: Sequence[Job]) -> str:
    return f"{jobs[0].title} and {len(jobs) - 1} more"


def _shape_of(job: Job) -> str:
    """What the jobs of a group have in common."""
    plain = OmegaConf.to_container(job.cfg, resolve=True)
    for key in APART:
        plain.pop(key, None)
    for group in GROUPS:
        plain[group] = {
            key: _kind(value) if _is_number(value) else value
            for key, value in plain[group].items()
        }
    saved = _saved_epoch(job) if job.cfg.resume else None
    # A trainer of the user's own knows nothing of populations, and a run on many
    # devices has them to itself.
    trainer = job.cfg.trainer
    together = trainer._target_ == TRAINER and trainer.parallel is None
    together = together and not trainer.get("curves")  # which fit alone writes
    # Blocks are read as one run needs them.
    together = together and not job.cfg.data.get("blocks")
    alone = None if together else job.number
    return json.dumps([plain, job.choices, saved, alone], sort_keys=True)


def _is_number(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _kind(value: float | list[float]) -> str:
    return f"{len(value)} numbers" if isinstance(value, list) else "a number"


def _saved_epoch(job: Job) -> int | None:
    folder = job.folder / "checkpoint"
    if not folder.exists():
        return None
    checkpointer = Checkpointer(folder)
    try:
        return checkpointer.latest()
    finally:
        checkpointer.close()


def _part(jobs: list[Job]) -> list[Group]:
    """One group, or several where a number cannot be an argument of the program."""
    numbers = _differing(jobs)
    fixed = [name for name in numbers if not _can_differ(jobs[0], name, numbers[name])]
    parts: dict[str, list[Job]] = {}
    for place, job in enumerate(jobs):
        key = json.dumps([numbers[name][place] for name in fixed])
        parts.setdefault(key, []).append(job)
    return [Group(part, _differing(part)) for part in parts.values()]


def _differing(jobs: Sequence[Job]) -> dict[str, list[Any]]:
    """{"group.argument": the value of each job}, of those that differ."""
    plain = [OmegaConf.to_container(job.cfg, resolve=True) for job in jobs]
    values = {
        f"{group}.{key}": [one[group][key] for one in plain]
        for group in GROUPS
        for key in plain[0][group]
    }
    return {k: v for k, v in values.items() if any(x != v[0] for x in v)}


def _can_differ(job: Job, name: str, values: list[Any]) -> bool:
    """Whether the program takes the number as an argument."""
    trainer = compose.build_trainer(job.cfg)
    dataset = compose.build_dataset(job.cfg)
    if name.startswith("data."):
        return isinstance(dataset.train, Stream)
    number = jnp.asarray(values[0], jnp.float32)
    return traces(_build(job.cfg), dataset, {name: number}, **trainer.keywords)
