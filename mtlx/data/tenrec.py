"""Tenrec: which videos of a feed were clicked, liked, shared, whose makers followed."""

from collections.abc import Mapping, Sequence
from itertools import chain

from mtlx.data.builders.prepared_arrow import find_raw, prepared_arrow
from mtlx.data.builders.tenrec_format import (
    HISTORY,
    IDS,
    LABELS,
    WITH_HISTORY,
    format_of,
    video_rows,
)
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Ids, IdSequence, Input
from mtlx.data.named_tasks import named_tasks
from mtlx.data.table import table
from mtlx.data.tabular import AtRandom, Split
from mtlx.tasks import Task

METRICS = ("auc", "gauc", "log_loss")
TASKS = {name: Task(name, "binary", metrics=METRICS) for name in LABELS}
HISTORIES = ("columns", "sequence")


def tenrec(
    file: str = "ctr_data_1M.csv",
    tasks: Sequence[str] = ("click", "like"),
    negatives: float | int | None = 2.0,
    history: str = "columns",
    min_count: int = 1,
    split: Split | None = None,
    seed: int = 0,
    inputs: Mapping[str, Input | None] | None = None,
    blocks: bool = True,
    steps_per_epoch: int | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Videos shown in a feed, of the columns of the published multi-task benchmark.

    The files have no time, and no split is published: rows are divided at random 8:1:1,
    as the authors' code does, after rows without a click are thinned to two for each
    with one, as there. `gauc` compares the videos of one user.

    Args:
        file: "ctr_data_1M.csv" (a million users of QK, each row with ten items that its
            user clicked elsewhere), "QK-video.csv" or "QB-video.csv".
        tasks: from "click", "follow", "like" and "share", each over all rows.
        negatives: rows without a click kept for each with one, in all splits; None
            keeps all.
        history: of a file that has it: ten "columns" with ids of their own, as in the
            authors' code, or one "sequence" that shares the items' ids.
        min_count: ids in fewer training rows are unknown.
        split: of `mtlx.data.tabular`; None: 10 % each validate and test, at random.
        seed: of the draws of rows.
        inputs: column -> what becomes of it in place of ids; None leaves it out.
        blocks, steps_per_epoch: see `mtlx.data.table`.
        data_dir: folder that holds Tenrec/ with the file, or the file itself (plain,
            .gz or .zip). None means the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Raises:
        DataError: the file is not there, or not as it should be.
        ValueError: an unknown task or form of the history, or negatives not above 0.

    Reference: Yuan et al., "Tenrec: A Large-scale Multipurpose Benchmark Dataset for
    Recommender Systems", NeurIPS 2022, data sets and benchmarks; the protocol is that
    of the authors' code, which takes its ids from all splits, where ours are the
    training rows'.
    """
    chosen = named_tasks("tenrec", tasks, TASKS)
    if history not in HISTORIES:
        raise ValueError(
            f"tenrec: expected history to be one of {HISTORIES}, found {history!r}."
        )
    if negatives is not None and not negatives > 0:
        raise ValueError(
            f"tenrec: expected negatives above 0, found {negatives}; None keeps all "
            f"rows."
        )
    form = format_of(file)
    history = history if form is WITH_HISTORY else "none"
    raw = find_raw("tenrec", data_dir, ("Tenrec", "tenrec"), (file,))

    def make():
        rows = video_rows(raw[0], form, history, negatives, seed)
        first = next(rows)
        return first.schema, chain([first], rows)

    drawn = "" if negatives is None else f"{negatives} a click, seed {seed}"
    options = f"history {history}, {drawn}"
    declared = _inputs(history, min_count) | dict(inputs or {})
    there = [name for name, each in declared.items() if each is not None]
    return table(
        prepared_arrow("tenrec", "1.0.0", raw, make, cache_dir, options),
        declared,
        chosen,
        split or AtRandom(0.1, 0.1, seed=seed),
        name="tenrec",
        group="user_id",
        missing=("", r"\N"),
        personal=tuple(name for name in ("user_id", "item_id") if name in there),
        blocks=blocks,
        steps_per_epoch=steps_per_epoch,
        cache_dir=cache_dir,
    )


def _inputs(history: str, min_count: int) -> dict[str, Input]:
    ids = Ids(min_count=min_count, missing="unknown")
    inputs: dict[str, Input] = dict.fromkeys(IDS, ids)
    if history == "columns":
        inputs |= dict.fromkeys(HISTORY, ids)
    elif history == "sequence":
        inputs["history"] = IdSequence(length=len(HISTORY), shared="item_id")
    return inputs
