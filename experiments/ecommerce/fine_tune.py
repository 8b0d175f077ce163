"""Fine-tunes on later days: python -m experiments.ecommerce.fine_tune runs/STUDY.

Each finished run of the study goes on from its checkpoint. Every later day is scored by
the model as it was and by the one that has been trained on all days before it, and is
then trained on, once. The scores are written to `days.csv` in the run's folder.
"""

import argparse
import csv
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
from omegaconf import DictConfig, OmegaConf

from experiments.record import read_result
from experiments.startup import keep_compiled
from mtlx import compose
from mtlx.data.later_days import later_days
from mtlx.results.daily import DAYS, DayRow
from mtlx.results.files import RESULT
from mtlx.train import Checkpointer, TrainState
from mtlx.train.day_by_day import DayByDay, DayScores, make_day_by_day
from mtlx.train.plan import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Fine-tunes; 1 if the study or a run cannot be read, else 0."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.ecommerce.fine_tune",
        description="Train the runs of a study on the days after their training days.",
        epilog="Example: python -m experiments.ecommerce.fine_tune runs/kuairand_days",
    )
    parser.add_argument("study", type=Path, metavar="runs/STUDY")
    options = parser.parse_args(arguments)
    keep_compiled()
    try:
        for folder in finished_runs(options.study):
            fine_tune(folder)
            print(f"{folder}: {folder / DAYS}", flush=True)
    except (FileNotFoundError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def finished_runs(study: Path) -> list[Path]:
    """The folders of the finished runs below `study`.

    Raises:
        FileNotFoundError: there is none.
    """
    folders = sorted(path.parent for path in study.rglob(RESULT))
    if not folders:
        raise FileNotFoundError(
            f"Expected finished runs below {study}, found none. Train them: python -m "
            f"experiments.train experiment=ecommerce/kuairand_days."
        )
    return folders


def fine_tune(folder: Path) -> None:
    """Writes `days.csv` of the run in `folder`.

    Raises:
        FileNotFoundError: no checkpoint.
        ValueError: a run whose tested epoch is not its last, or data without days.
    """
    cfg = OmegaConf.load(folder / "config.yaml")
    _check_last(folder)
    daily = _day_by_day(_apart_from_seed(cfg))
    state = _restore(daily, folder, cfg)
    rows = [row for scores, _ in daily.run(state) for row in _rows(scores)]
    with (folder / DAYS).open("w", newline="") as file:
        csv.writer(file).writerows([DayRow._fields, *rows])


def _check_last(folder: Path) -> None:
    record = read_result(folder)
    if record["diverged"] or record["best_epoch"] != record["epochs"]:
        raise ValueError(
            f"Expected a run that was tested after its last epoch, which is where "
            f"training goes on, found {folder} tested after epoch "
            f"{record['best_epoch']} of {record['epochs']}. Train it with "
            f"trainer.keep=last and a number of epochs chosen before."
        )


def _apart_from_seed(cfg: DictConfig) -> str:
    """What runs that share their programs have in common."""
    parts = OmegaConf.masked_copy(cfg, [k for k in cfg if k not in ("seed", "resume")])
    return OmegaConf.to_yaml(parts, resolve=True)


@functools.lru_cache(maxsize=1)
def _day_by_day(config: str) -> DayByDay:
    parts = compose.build(OmegaConf.create(config))
    trainer = parts.fit.keywords
    sizes = ("batch_size", "eval_batch_size")
    return make_day_by_day(
        parts.model,
        parts.dataset,
        later_days(parts.dataset),
        parts.balancer,
        parts.optimizer,
        **{name: trainer[name] for name in sizes},
        settings=Settings.among(trainer),
    )


def _restore(daily: DayByDay, folder: Path, cfg: DictConfig) -> TrainState:
    """The state after the run's last epoch."""
    like = jax.jit(daily.plan.init)(jax.random.key(cfg.seed))
    checkpointer = Checkpointer(folder / "checkpoint")
    try:
        (state, _), _ = checkpointer.restore((like, like.variables))
    finally:
        checkpointer.close()
    return state


def _rows(scores: DayScores) -> Iterator[DayRow]:
    for model in ("frozen", "tuned"):
        for task, metrics in getattr(scores, model).items():
            for metric, value in metrics.items():
                yield DayRow(scores.date, scores.rows, model, task, metric, value)


if __name__ == "__main__":
    sys.exit(main())
