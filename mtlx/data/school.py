"""School: the examination scores of pupils in London, each school a task."""

from collections.abc import Sequence

from mtlx.data.builders.one_file import prepare_files
from mtlx.data.builders.school_format import INDICATORS, SHARES
from mtlx.data.builders.school_source import PUBLISHED, SCHOOLS
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import task_names
from mtlx.data.prepared import prepared_columns
from mtlx.data.task_pools import pooled_tasks
from mtlx.tasks import Task

TASKS = {
    name: Task(name, "regression")
    for name in (f"school_{number:03}" for number in range(1, SCHOOLS + 1))
}
MEAN, STD = 20.6, 12.7  # of all scores, to three digits


def school(
    tasks: Sequence[str] | None = None,
    shares: tuple[float, float] = (0.6, 0.15),
    split_seed: int = 0,
    domain: bool = False,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """15,362 pupils of 139 secondary schools, 1985 to 1987: 139 regression tasks.

    A row counts for the task of its school alone. The rows of each school are divided
    at random. Scores (1 to 70) are given as (score - 20.6) / 12.7, by the mean and the
    standard deviation of them all, so that 1 - RMSE^2 over all pupils is about the
    explained variance that papers print.

    Args:
        tasks: from "school_001" to "school_139", in the order of the file; the rows of
            the others are left out. None means all.
        shares: of training and validation, of the pupils of each school; the rest is
            the test split.
        split_seed: seed of the division into splits.
        domain: whether the school is an input too, the categorical column "school".
        data_dir: folder that holds school/ or the file itself; None means the variable
            MTLX_DATA_DIR. Where it is not, it is downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the features "categorical" [B, 6] int32 (year, gender, verbal
        reasoning band, ethnic group; the school's gender and denomination) and
        "numerical" [B, 2] float32 (shares of the school's pupils with free meals and in
        verbal reasoning band one).

    Raises:
        DataError: the raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none; shares that leave no rows.

    Reference: the data of the Inner London Education Authority (Nuttall et al.,
    "Differential school effectiveness", 1989), as in the MALSAR package. Multi-task
    papers since Bakker and Heskes (JMLR 2003) train on three quarters of each school
    and test on the rest, ten times at random; here a fifth of these three quarters is
    the validation split, and indicator columns are ids of categories.
    """
    chosen = task_names("school", tuple(TASKS) if tasks is None else tasks, TASKS)
    rows = prepared_columns(PUBLISHED, prepare_files, data_dir, cache_dir)["pupils"]
    return pooled_tasks(
        "school",
        {**rows, "score": (rows["score"] - MEAN) / STD},
        TASKS,
        of="school",
        label="score",
        chosen=chosen,
        categorical=tuple(INDICATORS),
        numerical=tuple(SHARES),
        shares=shares,
        split_seed=split_seed,
        domain=domain,
    )
