"""What a finished run recommends: python -m experiments.recommend runs/.../seed=0.

Writes recommendation.json into the run's folder: coverage, novelty, diversity and
popularity of the lists of the test split, and accuracy for new items and users and by
decile of their activity. With --items also items.csv, the lists themselves.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from mtlx import compose
from mtlx.train import Checkpointer
from mtlx.train.recommend import describe, recommend


def main(arguments: Sequence[str] | None = None) -> int:
    """Describes the run's lists; 1 if there is no such run or task, else 0."""
    options = _parser().parse_args(arguments)
    try:
        found = describe_run(options)
    except (FileNotFoundError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    path = options.run / "recommendation.json"
    path.write_text(json.dumps(found, indent=2), encoding="utf-8")
    for name, value in found["lists"].items():
        print(f"{name:24} {value:.4f}")
    for name, values in found["slices"].items():
        print(name, *(f"{key} {round(value, 4)}" for key, value in values.items()))
    print(f"Written: {path}")
    return 0


def describe_run(options: argparse.Namespace) -> dict:
    """`mtlx.train.recommend.describe` of the run's retrieval task.

    Raises:
        FileNotFoundError: no such run, or no checkpoint in it.
        ValueError: a run without a retrieval task, or without the one asked for.
    """
    config = options.run / "config.yaml"
    if not config.exists():
        raise FileNotFoundError(
            f"Expected a run's folder with config.yaml, found none in {options.run}."
        )
    parts = compose.build(OmegaConf.load(config))
    retrieval = [t.name for t in parts.dataset.tasks if t.kind == "retrieval"]
    chosen = [name for name in retrieval if options.task in (None, name)]
    if not chosen:
        raise ValueError(
            f"Expected a run with the retrieval task {options.task or ''}, found "
            f"{retrieval} in {options.run}."
        )
    checkpointer = Checkpointer(options.run / "checkpoint")
    try:
        variables = checkpointer.restore_selected()
    finally:
        checkpointer.close()
    trained = (parts.model, variables, parts.dataset)
    if options.items:
        lists = recommend(*trained, parts.dataset.test, chosen[0], options.k).items
        path = options.run / "items.csv"
        np.savetxt(path, lists, fmt="%d", delimiter=",")
    return describe(*trained, chosen[0], options.k, options.user)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.recommend",
        description="Describe what a finished run recommends for the test split.",
        epilog="Example: python -m experiments.recommend "
        "runs/tfrs_movielens/recommendation/two_tower/constant/seed=0 --user user_id",
    )
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--task", help="the retrieval task; without it the first")
    parser.add_argument("--k", type=int, default=10, help="length of the lists")
    parser.add_argument("--user", help="column of users, for slices by their activity")
    parser.add_argument("--items", action="store_true", help="write items.csv, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
