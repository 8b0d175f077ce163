"""Which tasks help each other: ``python -m experiments.affinity --help``."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.job import say
from experiments.record import folder_name
from experiments.startup import CONF, keep_compiled
from mtlx import compose
from mtlx.results import style
from mtlx.results.affinity_plot import draw_affinity
from mtlx.results.agreement import Agreement, Contrast, agreement, contrast
from mtlx.results.task_groups import TaskGroups
from mtlx.train.affinity import Affinity, pool_affinities

OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)


@hydra.main(version_base="1.3", config_path=CONF, config_name="affinity")
def main(cfg: DictConfig) -> None:
    """Writes affinity.csv, affinity.png and groups.csv into the run's folder."""
    keep_compiled()
    folder = Path(HydraConfig.get().runtime.output_dir)
    say(f"{measure(cfg, folder)}\nAffinities and groups: {folder}")


def measure(cfg: DictConfig, folder: Path) -> str:
    """Trains, measures, groups and writes; the groups in words."""
    dataset = compose.build_dataset(cfg)
    known = None if cfg.known is None else _clusters(cfg.known, len(dataset.tasks))
    train = compose.instantiate(cfg.affinity)
    model = compose.build_architecture(cfg, dataset, {})
    optimizer = compose.instantiate(cfg.optimizer)
    seeds = range(cfg.seed, cfg.seed + cfg.trainings)
    found = pool_affinities([train(model, dataset, optimizer, seed=s) for s in seeds])
    groups = compose.instantiate(cfg.groups)(found.mean)
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(cfg, folder / "config.yaml", resolve=True)
    matrix = pd.DataFrame(found.mean, index=found.tasks, columns=found.tasks)
    matrix.to_csv(folder / "affinity.csv", index_label="from", lineterminator="\n")
    table = _table(found, groups)
    table.to_csv(folder / "groups.csv", index=False, lineterminator="\n")
    order = sorted(range(len(found.tasks)), key=lambda task: groups.served_by[task])
    with style.look():
        picture = draw_affinity(
            found.mean, found.tasks, f"{dataset.name}: affinity of tasks", order
        )
        picture.savefig(folder / "affinity.png")
    if known is None:
        return _in_words(found, groups)
    same, apart = agreement(groups.served_by, known), contrast(found.mean, known)
    facts = {"groups": same._asdict(), "affinities": apart._asdict()}
    (folder / "agreement.json").write_text(json.dumps(facts, indent=2))
    return f"{_in_words(found, groups)}\n{_agreement_in_words(same, apart)}"


def _clusters(sizes: Sequence[int], tasks: int) -> list[int]:
    """The number of each task's cluster.

    Raises:
        ValueError: sizes of another number of tasks.
    """
    if sum(sizes) != tasks:
        raise ValueError(
            f"Expected sizes of clusters that add up to {tasks} tasks, found "
            f"{list(sizes)}. Mend known."
        )
    return [number for number, size in enumerate(sizes) for _ in range(size)]


def _agreement_in_words(same: Agreement, apart: Contrast) -> str:
    return (
        f"Agreement with the known clusters: adjusted Rand index {same.index:.3f}, "
        f"p = {same.p_value:.4f} by permutation\n"
        f"Mean affinity within them {apart.within:+.3g}, between {apart.between:+.3g}, "
        f"p = {apart.p_value:.4f} by permutation"
    )


def _table(found: Affinity, groups: TaskGroups) -> pd.DataFrame:
    """One row a member of a group; whether the group serves it."""
    return pd.DataFrame(
        {
            "group": number + 1,
            "task": found.tasks[task],
            "served": groups.served_by[task] == number,
            "affinity": groups.affinity[task]
            if groups.served_by[task] == number
            else None,
        }
        for number, group in enumerate(groups.groups)
        for task in group
    )


def _in_words(found: Affinity, groups: TaskGroups) -> str:
    lines = []
    for number, group in enumerate(groups.groups):
        names = [
            found.tasks[t] + ("" if groups.served_by[t] == number else " (to help)")
            for t in group
        ]
        lines.append(f"Group {number + 1}: {', '.join(names)}")
    mean = groups.score / len(found.tasks)
    return "\n".join([*lines, f"Mean affinity onto a task: {mean:+.3g}"])


if __name__ == "__main__":
    sys.exit(main())
