"""Landmine: is a radar signal one of a mine, in 29 fields, each a task."""

from collections.abc import Sequence

from mtlx.data.builders.landmine_format import FEATURES
from mtlx.data.builders.landmine_source import FIELDS, PUBLISHED
from mtlx.data.builders.one_file import prepare_files
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import task_names
from mtlx.data.prepared import prepared_columns
from mtlx.data.task_pools import pooled_tasks
from mtlx.tasks import Task

TASKS = {
    name: Task(name, "binary")
    for name in (f"field_{number:02}" for number in range(1, FIELDS + 1))
}


def landmine(
    tasks: Sequence[str] | None = None,
    shares: tuple[float, float] = (0.6, 0.15),
    split_seed: int = 0,
    domain: bool = False,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """14,820 places in 29 fields, 904 of them with a mine: 29 binary tasks.

    A row counts for the task of its field alone. The places of each field, with a mine
    and without, are divided at random by the same shares, so that every split of every
    field has both.

    Args:
        tasks: from "field_01" to "field_29", in the order of the file; the rows of the
            others are left out. None means all.
        shares: of training and validation; the rest is the test split.
        split_seed: seed of the division into splits.
        domain: whether the field is an input too, the categorical column "field".
        data_dir: folder that holds landmine/ or the file itself; None means the
            variable MTLX_DATA_DIR. Where it is not, it is downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the feature "numerical" [B, 9] float32: four moments of the
        radar image, three correlations, an energy ratio and a spatial variance.

    Raises:
        DataError: the raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none; shares that leave no rows.

    Reference: Xue, Liao, Carin and Krishnapuram, "Multi-Task Learning for
    Classification with Dirichlet Process Priors", JMLR 2007. There the training sets
    are a few dozen rows a field and all others are tested, the mean AUC of 100 draws by
    the size of the training set: `shares` goes there, with a validation split beside.
    """
    chosen = task_names("landmine", tuple(TASKS) if tasks is None else tasks, TASKS)
    rows = prepared_columns(PUBLISHED, prepare_files, data_dir, cache_dir)["signals"]
    return pooled_tasks(
        "landmine",
        rows,
        TASKS,
        of="field",
        label="mine",
        chosen=chosen,
        numerical=FEATURES,
        groups=2 * rows["field"] + rows["mine"],
        shares=shares,
        split_seed=split_seed,
        domain=domain,
    )
