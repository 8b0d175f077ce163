"""ByteRec: which short videos were watched to the end, and which were liked."""

from collections.abc import Mapping, Sequence

from mtlx.data.builders.delimited import Delimited
from mtlx.data.builders.prepared_arrow import find_raw, prepared_arrow
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Ids, Input, Number
from mtlx.data.named_tasks import named_tasks
from mtlx.data.table import table
from mtlx.data.tabular import ByTime, Split
from mtlx.tasks import Task

IDS = (
    "uid",
    "user_city",
    "item_id",
    "author_id",
    "item_city",
    "channel",
    "music_id",
    "device",
)
FORMAT = Delimited(
    dict.fromkeys(IDS[:6], "whole")
    | dict.fromkeys(("finish", "like"), "flag")
    | dict.fromkeys((*IDS[6:], "time", "duration"), "whole"),
    delimiter="\t",
)
METRICS = ("auc", "gauc", "log_loss")
TASKS = {name: Task(name, "binary", metrics=METRICS) for name in ("finish", "like")}


def byterec(
    file: str = "final_track2_train.txt",
    tasks: Sequence[str] = ("finish", "like"),
    min_count: int = 10,
    split: Split | None = None,
    inputs: Mapping[str, Input | None] | None = None,
    blocks: bool = False,
    steps_per_epoch: int | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Videos shown to users of a short-video app (ICME 2019 challenge), split by time.

    The challenge's test file has no labels, so all splits are of the training file.
    Its -1 is a value that is not known: id 0. `time` is shifted by a secret, keeps its
    order, and is no input.

    Args:
        file: of the challenge: track 1, of one city, or track 2.
        tasks: from "finish" and "like".
        min_count: ids in fewer training rows are unknown.
        split: of `mtlx.data.tabular`; None: the first 80 % of the time's order train,
            10 % each validate and test. The published configurations divide at random
            8:1:1, by which later rows train for earlier ones.
        inputs: column -> what becomes of it in place of ids, or log1p of the duration
            (a missing one: the median); None leaves it out.
        blocks, steps_per_epoch: see `mtlx.data.table`.
        data_dir: folder that holds byterec/ with the file, or the file itself (plain,
            .gz or .zip). None means the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Raises:
        DataError: the file is not there, or not as it should be.
        ValueError: an unknown task.

    Reference: ICME 2019 Short Video Understanding and Recommendation Challenge,
    ByteDance. Its columns, in order, are those of `FORMAT`.
    """
    chosen = named_tasks("byterec", tasks, TASKS)
    raw = find_raw("byterec", data_dir, ("byterec",), (file,))

    def make():
        import pyarrow

        kinds = [(name, pyarrow.int64()) for name in FORMAT.kinds]
        return pyarrow.schema(kinds), FORMAT.blocks(raw[0])

    kept = Ids(min_count=min_count, missing="unknown")
    declared = dict.fromkeys(IDS, kept) | {
        "duration": Number(log=True, missing="median")
    }
    return table(
        prepared_arrow("byterec", "1.0.0", raw, make, cache_dir),
        declared | dict(inputs or {}),
        chosen,
        split or ByTime("time"),
        name="byterec",
        group="uid",
        missing=("", "-1"),
        domain=None,
        personal=tuple(
            name
            for name in ("uid", "item_id", "author_id")
            if (inputs or {}).get(name, kept) is not None
        ),
        blocks=blocks,
        steps_per_epoch=steps_per_epoch,
        cache_dir=cache_dir,
    )
