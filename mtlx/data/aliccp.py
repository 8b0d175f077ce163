"""Ali-CCP: clicks and purchases of 84 million items that Taobao recommended."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtlx.data.builders.aliccp_format import COLUMNS, FIELDS, join_samples
from mtlx.data.builders.prepared_arrow import find_raw, prepared_arrow
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Ids, Input
from mtlx.data.named_tasks import named_tasks
from mtlx.data.table import table
from mtlx.data.tabular import AtRandom
from mtlx.tasks import Task

METRICS = ("auc", "log_loss")
TASKS = {
    "click": Task("click", "binary", metrics=METRICS),
    "purchase": Task("purchase", "binary", metrics=METRICS),
    "rate": Task("rate", "binary", label="purchase", space="click", metrics=METRICS),
}
DOMAIN = "field_301"  # where the item was shown, one of three places
PERSONAL = ("field_101", "field_205", "field_207")  # user, item, shop


def aliccp(
    tasks: Sequence[str] = ("click", "purchase"),
    min_count: int = 10,
    validation: float = 0.1,
    seed: int = 0,
    inputs: Mapping[str, Input | None] | None = None,
    blocks: bool = True,
    steps_per_epoch: int | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Items shown, by the 18 features of one value; the published split by time.

    The published test file, the later half, is the test split; validation rows are
    drawn from the training file. Both read the files that are published, whose halves
    (what is the sample's own, what its user has in common) are joined here.

    Args:
        tasks: from "click"; "purchase" (over all items shown: CTCVR); "rate", the
            purchase of clicked items (CVR).
        min_count: ids in fewer training rows are unknown.
        validation: share of the training rows.
        seed: of the draw.
        inputs: column -> what becomes of it in place of ids; None leaves it out.
        blocks, steps_per_epoch: see `mtlx.data.table`.
        data_dir: folder that holds ali_ccp/ with sample_skeleton_train.csv,
            common_features_train.csv and the same of test, or the files themselves
            (plain, .gz or .zip). None means the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Raises:
        DataError: a file is not there, or not as it should be.
        ValueError: an unknown task.

    Reference: Ma et al., "Entire Space Multi-Task Model: An Effective Approach for
    Estimating Post-Click Conversion Rate", SIGIR 2018 (the data). The 18 fields, the
    frequency cut and the drawn validation rows are those of Xi et al., "Modeling the
    Sequential Dependence among Audience Multi-step Conversions with Multi-task Learning
    in Targeted Display Advertising", KDD 2021.
    """
    chosen = named_tasks("aliccp", tasks, TASKS)
    files = {part: _prepared(part, data_dir, cache_dir) for part in ("train", "test")}
    declared = dict.fromkeys(FIELDS, Ids(min_count=min_count, missing="unknown"))
    declared |= dict(inputs or {})
    there = [name for name, each in declared.items() if each is not None]
    return table(
        files,
        declared,
        chosen,
        AtRandom(validation, 0, seed=seed),
        name="aliccp",
        domain=DOMAIN if DOMAIN in there else None,
        personal=tuple(name for name in PERSONAL if name in there),
        blocks=blocks,
        steps_per_epoch=steps_per_epoch,
        cache_dir=cache_dir,
    )


def _prepared(part: str, data_dir: PathLike | None, cache_dir: PathLike | None) -> Path:
    names = (f"sample_skeleton_{part}.csv", f"common_features_{part}.csv")
    raw = find_raw("aliccp", data_dir, ("ali_ccp", "ali-ccp"), names)

    def make():
        import pyarrow

        kinds = [(name, pyarrow.int64()) for name in COLUMNS]
        return pyarrow.schema(kinds), join_samples(*raw)

    return prepared_arrow("aliccp", "1.0.0", raw, make, cache_dir)
