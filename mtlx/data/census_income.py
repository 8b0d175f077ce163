"""Census-Income (KDD): income, marriage and education of 299,285 persons."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.census_income_format import (
    CATEGORICAL,
    LABEL_VALUES,
    MONEY,
    NUMERICAL,
)
from mtlx.data.builders.census_income_source import FULL, SAMPLE
from mtlx.data.categorical import Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Input
from mtlx.data.labels import build_labels
from mtlx.data.named_tasks import task_names
from mtlx.data.prepared import prepared_columns
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.source import Source
from mtlx.data.split import halves
from mtlx.data.tabular_features import TabularFeatures
from mtlx.tasks import Task
from mtlx.types import Batch

# "At least college" is an associate degree or higher: of all readings only this one has
# the correlation with never_married that the MMoE paper prints (-.239; paper .2373).
COLLEGE = LABEL_VALUES["education"][-6:]

# task -> the column that it is read from, and the values that count as 1
LABELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "income": ("income", ("50000+.",)),
    "never_married": ("marital_stat", ("Never married",)),
    "education": ("education", COLLEGE),
}

# For the models that ask for them: people of one sex as a domain, and what they do and
# live in as their traits. No task is read from these columns.
DOMAIN = "sex"
PERSONAL = (
    "major_occupation_code",
    "major_industry_code",
    "detailed_household_summary_in_household",
)


def census_income(
    tasks: Sequence[str] = ("income", "never_married", "education"),
    split_seed: int = 0,
    sample: bool = False,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
    inputs: Mapping[str, Input | None] | None = None,
) -> Dataset:
    """The benchmark of the MMoE paper, with up to three binary tasks.

    The columns that a chosen task is read from are no inputs; income, the label of the
    file, and the survey's instance weight never are. The training file is the training
    split; the test file is divided 1:1 at random into validation and test. Ids and
    scales are fitted on the training split only. Amounts of money go through log1p,
    then all numbers are standardised.

    Args:
        tasks: from "income" (more than 50,000 $ a year), "never_married", "education"
            (associate degree or higher).
        split_seed: seed of the division into validation and test.
        sample: the sample of 10,000 + 5,000 rows that ships with mtlx in place of the
            full files; it reads no `data_dir`.
        data_dir: folder that holds census_income_kdd/ or the two raw files themselves;
            None means the variable MTLX_DATA_DIR. Where they are not, they are
            downloaded from the UCI archive.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.
        inputs: column -> what becomes of it (`mtlx.data.inputs`) in place of ids or a
            standardised number; None leaves the column out.

    Returns:
        A `Dataset` with features "categorical" [B, 31 to 33] int32 and "numerical"
        [B, 7] float32 as far as `inputs` changes nothing, and labels [B] float32.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none; `inputs` for a column that is
            none, or that a task is read from.

    Reference: Ma et al., "Modeling Task Relationships in Multi-task Learning with
    Multi-gate Mixture-of-Experts", KDD 2018, section 6. The paper takes two of the
    tasks at a time; the three together are ours.
    """
    names = task_names("census_income", tasks, LABELS)
    chosen = tuple(Task(name, "binary") for name in names)
    source = SAMPLE if sample else FULL
    raw = prepared_columns(source, _prepare, data_dir, cache_dir)
    taken = {LABELS[task.name][0] for task in chosen} | {"income"}
    left = {name: raw["train"][name] for name in raw["train"] if name not in taken}
    categorical = [name for name in CATEGORICAL if name not in taken]
    features = TabularFeatures.fit(left, categorical, NUMERICAL, MONEY, inputs)

    def batch(columns: Columns) -> Batch:
        labels, where = build_labels(_label_columns(columns), chosen)
        return Batch(features.encode(columns), labels, where)

    validation, test = halves(batch(raw["test"]), split_seed)
    return Dataset(
        name="census_income_sample" if sample else "census_income",
        tasks=chosen,
        schema=features.schema._replace(domain=DOMAIN, personal=PERSONAL),
        train=batch(raw["train"]),
        validation=validation,
        test=test,
        preprocessing=Preprocessing(features),
    )


def _label_columns(columns: Columns) -> dict[str, np.ndarray]:
    return {name: columns[raw].isin(ones) for name, (raw, ones) in LABELS.items()}


def _prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    # Here, so that neither `import mtlx.data` nor a load from the cache imports TFDS.
    from mtlx.data.builders.census_income_columns import prepare_census_income

    return prepare_census_income(source, files, cache)
