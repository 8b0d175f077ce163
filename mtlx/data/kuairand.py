"""KuaiRand-Pure: what users of a short-video app did with 222,444 videos shown."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.history import previous_items
from mtlx.data.inputs import Ids, Input
from mtlx.data.kuairand_rows import HOUR, kuairand_rows
from mtlx.data.labels import build_labels
from mtlx.data.named_tasks import task_names
from mtlx.data.past_items import PastItems
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.tabular_features import TabularFeatures
from mtlx.tasks import Task
from mtlx.types import Batch, Field

LABELS: Mapping[str, str] = {
    "click": "is_click",
    "long_view": "long_view",
    "like": "is_like",
    "profile_enter": "is_profile_enter",
    "comment": "is_comment",
    "follow": "is_follow",
    "forward": "is_forward",
    "hate": "is_hate",
}
METRICS = ("auc", "gauc", "log_loss")
KNOWN_METRICS = (*METRICS, "accuracy", "ece")  # those of binary tasks
VALIDATION_DAY = 20220430  # training days before it, test days after

DOMAIN = "tab"
PERSONAL = ("user_id", "video_id", "author_id")
COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
# Left out: what is measured after the impression (play and stay times, the labels);
# `visible_status`, which is of the day of publication; columns of one value
# (`is_rand`, `is_lowactive_period`); `video_duration`, which is the log's `duration_ms`
# with gaps.
CATEGORICAL = (
    "user_id",
    "video_id",
    "author_id",
    "tab",
    "hour",
    "video_type",
    "upload_dt",
    "upload_type",
    "music_id",
    "music_type",
    "tag",
    "user_active_degree",
    "is_live_streamer",
    "is_video_author",
    *(f"{name}_range" for name in COUNTS),
    *(f"onehot_feat{number}" for number in range(18)),
)
LOGGED = ("duration_ms", *COUNTS)
NUMERICAL = (*LOGGED, "server_width", "server_height")
KNOWN = (*CATEGORICAL, *NUMERICAL, "time_ms")  # before a video is shown


def kuairand(
    tasks: Sequence[str] = ("click", "long_view", "like", "profile_enter"),
    history: int = 0,
    verify_rows: bool = True,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
    inputs: Mapping[str, Input | None] | None = None,
    metrics: Sequence[str] = METRICS,
) -> Dataset:
    """Two weeks of KuaiRand-Pure under the app's own policy, split by time.

    Trained on 25 to 29 April 2022, validated on 30 April, tested on 1 to 8 May. Rows
    that repeat an impression (user, video and time) are dropped. Vocabularies and
    scales are fitted on the training rows only; ids that they do not hold are 0. The
    evaluation splits are grouped by user for `gauc`.

    Args:
        tasks: from "click", "long_view", "like", "profile_enter", "comment", "follow",
            "forward", "hate"; all binary, every row counts for each.
        history: how many of the user's previous clicked videos a row has, as a
            sequence; 0 for none.
        verify_rows: whether to refuse a log whose rows of these two weeks are not
            those of the sample that our results are made on.
        data_dir: folder that holds kuairand_pure_sample/ or KuaiRand-Pure/ or the raw
            files themselves; None means the variable MTLX_DATA_DIR. Where they are
            not, the published archive is downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.
        inputs: column -> what becomes of it (`mtlx.data.inputs`) in place of ids or a
            standardised number; None leaves the column out. Beside the columns above
            there are time_ms, of the impression, and upload_dt, a day, as dates.
        metrics: of every task (`mtlx.metrics.METRICS`), e.g. "ece", the first the
            headline.

    Returns:
        A `Dataset` with features "categorical" [B, 36] int32 and "numerical" [B, 7]
        float32, as far as `inputs` changes nothing, and, if asked for, "history"
        [B, history, 1] int32, oldest first: strictly earlier in time than the row,
        whatever split it is of. `days` says of which day the rows are.

    Raises:
        DataError: a raw file is missing, damaged, or not as it should be; other rows.
        ValueError: an unknown or repeated task, or none; an unknown metric, or none; a
            history below 0; `inputs`
            for a column that is none, or that is known after the impression alone; a
            history whose video_id has no vocabulary.

    Reference: Gao et al., "KuaiRand: An Unbiased Sequential Recommendation Dataset with
    Randomly Exposed Videos", CIKM 2022. The archive's checksum is not known to us: its
    files are held against their format, and its rows against the sample's. The tables
    of users and videos are snapshots whose day is not published; a user's number of
    followed users may count those followed during the test days.
    """
    names = task_names("kuairand", tasks, LABELS)
    chosen = tuple(Task(name, "binary", metrics=metrics) for name in names)
    if history < 0:
        raise ValueError(
            f"kuairand: expected history >= 0 videos, found {history}. Mend "
            f"data.history; 0 turns it off."
        )
    _check_metrics(metrics)
    _check_inputs(inputs or {}, history)
    rows = kuairand_rows(verify_rows, data_dir, cache_dir)
    day = rows["date"]
    train = _take({name: rows[name] for name in KNOWN}, day < VALIDATION_DAY)
    features = TabularFeatures.fit(train, CATEGORICAL, NUMERICAL, LOGGED, inputs)
    names = features.schema.names
    schema = features.schema._replace(
        domain=DOMAIN if DOMAIN in names else None,
        personal=tuple(name for name in PERSONAL if name in names),
    )
    encoded, past = features.encode(rows), {}
    if history:
        seen, field = _history(rows, features, history)
        encoded[field.name], schema = seen, schema._replace(fields=(field,))
        past = {field.name: PastItems(field.name, "video_id", history)}
    labels, where = build_labels({t: rows[c] for t, c in LABELS.items()}, chosen)

    def split(kept: np.ndarray, grouped: bool = True) -> Batch:
        take = {
            part: {name: column[kept] for name, column in columns.items()}
            for part, columns in (
                ("features", encoded),
                ("labels", labels),
                ("where", where),
            )
        }
        users = rows["user_id"].codes[kept] if grouped else None
        return Batch(**take, groups=users)

    kept = {
        "train": day < VALIDATION_DAY,
        "validation": day == VALIDATION_DAY,
        "test": day > VALIDATION_DAY,
    }
    return Dataset(
        name="kuairand",
        tasks=chosen,
        schema=schema,
        train=split(kept["train"], grouped=False),
        validation=split(kept["validation"]),
        test=split(kept["test"]),
        preprocessing=Preprocessing(features, {"hour": HOUR}, past),
        days={name: day[rows] for name, rows in kept.items()},
        train_groups=rows["user_id"].codes[kept["train"]],
    )


def _check_metrics(metrics: Sequence[str]) -> None:
    strange = sorted(set(metrics) - set(KNOWN_METRICS))
    if strange or not metrics:
        raise ValueError(
            f"kuairand: expected metrics from {', '.join(KNOWN_METRICS)}, found "
            f"{', '.join(strange) or 'none'}. Mend data.metrics."
        )


def _check_inputs(inputs: Mapping[str, Input | None], history: int) -> None:
    unknown = sorted(set(inputs) - set(KNOWN))
    if unknown:
        raise ValueError(
            f"kuairand: expected inputs to name columns that are known before a video "
            f"is shown, found {unknown}; choose from {sorted(KNOWN)}. Mend data.inputs."
        )
    video = inputs.get("video_id", Ids())
    if history and not (isinstance(video, Ids) and video.shared is None):
        raise ValueError(
            f"kuairand: expected video_id to be Ids with a table of its own, which the "
            f"history shares, found {video}. Mend data.inputs.video_id, or set "
            f"data.history=0."
        )


def _take(rows: Columns, kept: np.ndarray) -> Columns:
    return {
        name: column.take(kept) if isinstance(column, Categorical) else column[kept]
        for name, column in rows.items()
    }


def _history(
    rows: Columns, features: TabularFeatures, length: int
) -> tuple[np.ndarray, Field]:
    """[B, length, 1] ids in the vocabulary of the candidates, and their field."""
    vocabulary = features.vocabularies["video_id"]
    seen = previous_items(
        user=rows["user_id"].codes,
        time=rows["time_ms"],
        item=vocabulary.ids(rows["video_id"]),
        chosen=rows["is_click"] == 1,
        length=length,
    )
    field = Field(
        "history", "sequence", (length, 1), (vocabulary.size,), shared=("video_id",)
    )
    return seen[:, :, None], field
