"""KuaiRand on made-up files, against values worked out from their text."""

import datetime

import jax
import numpy as np
import pytest

import mtlx.data
from mtlx import metrics
from mtlx.data.builders.kuairand_format import LOG
from mtlx.data.inputs import Date, Hashed, Ids, Quantiles
from mtlx.data.kuairand import CATEGORICAL, LABELS, LOGGED, NUMERICAL
from mtlx.train.evaluate import cut_rows, make_scorer
from mtlx.train.shared_data import Split
from tests.data.kuairand_files import (
    FLAGS,
    made_up_log,
    made_up_users,
    made_up_videos,
    write_files,
)

SPLITS = {
    "train": range(20220425, 20220430),
    "validation": (20220430,),
    "test": range(20220501, 20220509),
}
KNOWN_LATER = {*FLAGS, "play_time_ms", "profile_stay_time", "comment_stay_time"}


def load(folder, **options):
    return mtlx.data.kuairand(data_dir=folder, **{"verify_rows": False} | options)


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "raw")


@pytest.fixture(scope="module")
def rows():
    """Split -> its rows as dicts of text, each once, by time, tables joined."""
    users = {user["user_id"]: user for user in made_up_users()}
    videos = {video["video_id"]: video for video in made_up_videos()}
    once = {
        (int(r["time_ms"]), int(r["user_id"]), int(r["video_id"])): r
        for r in sorted(made_up_log(), key=numbers_of, reverse=True)
    }
    joined = [
        users[row["user_id"]] | videos[row["video_id"]] | row | {"hour": hour_of(row)}
        for _, row in sorted(once.items())
    ]
    return {
        split: [row for row in joined if int(row["date"]) in days]
        for split, days in SPLITS.items()
    }


def numbers_of(row):
    return [int(row[name]) for name in LOG.kinds]


def hour_of(row):
    china = datetime.timezone(datetime.timedelta(hours=8))
    moment = datetime.datetime.fromtimestamp(int(row["time_ms"]) / 1000, china)
    return str(moment.hour)


def test_days_part_the_splits_and_repeats_are_dropped(folder, rows):
    data = load(folder)
    assert sum(map(len, rows.values())) < len(made_up_log()) - 20
    for split, expected in rows.items():
        batch = getattr(data, split)
        assert batch.features["categorical"].shape == (len(expected), 36)
        assert batch.features["categorical"].dtype == np.int32
        assert batch.features["numerical"].shape == (len(expected), 7)
        assert batch.features["numerical"].dtype == np.float32


def test_labels_and_groups_are_those_of_the_text(folder, rows):
    data = load(folder, tasks=tuple(LABELS))
    for split, expected in rows.items():
        batch = getattr(data, split)
        for task, column in LABELS.items():
            wanted = [float(row[column]) for row in expected]
            np.testing.assert_array_equal(batch.labels[task], wanted)
            assert batch.where[task].all()
        if split == "train":
            assert batch.groups is None
        else:
            users = [row["user_id"] for row in expected]
            same = np.equal.outer(batch.groups, batch.groups)
            assert (same == [[u == v for v in users] for u in users]).all()


def test_days_and_training_users_are_those_of_the_text(folder, rows):
    data = load(folder)
    for split, expected in rows.items():
        assert data.days[split].tolist() == [int(row["date"]) for row in expected]
    users = [row["user_id"] for row in rows["train"]]
    same = np.equal.outer(data.train_groups, data.train_groups)
    assert (same == [[u == v for v in users] for u in users]).all()


def test_ids_are_ranks_of_the_training_values(folder, rows):
    data = load(folder)
    assert data.schema.names == CATEGORICAL
    for column, name in enumerate(CATEGORICAL):
        known = sorted({row[name] for row in rows["train"]})
        ids = {value: rank for rank, value in enumerate(known, start=1)}
        assert data.schema.cardinalities[column] == len(known) + 1
        for split, expected in rows.items():
            np.testing.assert_array_equal(
                getattr(data, split).features["categorical"][:, column],
                [ids.get(row[name], 0) for row in expected],
            )
    users = data.test.features["categorical"][:, CATEGORICAL.index("user_id")]
    assert (users == 0).any()
    assert len(set(data.test.groups[users == 0])) > 1  # unknown, yet told apart


def test_numbers_are_scaled_by_the_training_statistics(folder, rows):
    data = load(folder)
    for column, name in enumerate(NUMERICAL):
        scale = np.log1p if name in LOGGED else np.asarray
        fitted = scale([float(row[name]) for row in rows["train"]])
        for split, expected in rows.items():
            values = scale([float(row[name]) for row in expected])
            np.testing.assert_allclose(
                getattr(data, split).features["numerical"][:, column],
                (values - fitted.mean()) / fitted.std(),
                rtol=1e-4,
                atol=1e-5,
            )


def test_the_history_is_of_the_users_clicks_before(folder, rows):
    data, length = load(folder, history=3), 3
    names = sorted({row["video_id"] for row in rows["train"]})
    ids = {value: rank for rank, value in enumerate(names, start=1)}
    everything = sorted(sum(rows.values(), []), key=lambda row: int(row["time_ms"]))
    (field,) = data.schema.fields
    assert field == ("history", "sequence", (3, 1), (len(names) + 1,), ("video_id",))
    for split, expected in rows.items():
        found = getattr(data, split).features["history"]
        assert found.dtype == np.int32
        assert found.shape == (len(expected), length, 1)
        for row, history in zip(expected, found[:, :, 0].tolist(), strict=True):
            seen = [
                ids.get(other["video_id"], 0)
                for other in everything
                if other["user_id"] == row["user_id"]
                and int(other["time_ms"]) < int(row["time_ms"])
                and other["is_click"] == "1"
            ][-length:]
            assert history == seen + [-1] * (length - len(seen))


def test_what_is_known_later_is_no_input(folder, tmp_path):
    """Other labels and play times of the test days change no feature of any split."""
    log = [
        row | dict.fromkeys(KNOWN_LATER, "1") if int(row["date"]) > 20220430 else row
        for row in made_up_log()
    ]
    before = load(folder)
    after = load(write_files(tmp_path / "changed", log), cache_dir=tmp_path / "other")
    for split in SPLITS:
        first, second = (getattr(data, split).features for data in (before, after))
        assert jax.tree.all(jax.tree.map(np.array_equal, first, second))
    assert not KNOWN_LATER & {*before.schema.names, *NUMERICAL}
    assert (after.test.labels["click"] == 1).all()


def test_the_test_days_fit_nothing(folder, tmp_path):
    log = [row for row in made_up_log() if int(row["date"]) <= 20220430]
    log += [row for row in made_up_log() if row["date"] == "20220501"][:1]
    before = load(folder, history=2)
    short = write_files(tmp_path / "short", log)
    after = load(short, history=2, cache_dir=tmp_path / "other")
    assert before.schema == after.schema
    for split in ("train", "validation"):
        first, second = (getattr(data, split).features for data in (before, after))
        assert jax.tree.all(jax.tree.map(np.array_equal, first, second))


def test_runs_and_populations_score_by_user(folder):
    """A made-up forward pass whose logits are one of the numeric columns."""
    data = load(folder, tasks=("click", "like"))
    rows, labels = data.test, data.test.labels
    logits = {task: rows.features["numerical"][:, 0] for task in labels}
    expected = metrics.evaluate(data.tasks, logits, labels, rows.where, rows.groups)
    assert 0.0 < expected["click"]["gauc"] < 1.0

    def apply(variables, features):
        return {task: features["numerical"][..., 0] for task in labels}

    assert make_scorer(apply, data.tasks, rows, 16)({}) == expected
    features = cut_rows(rows, 16)
    outputs = {task: np.asarray(y)[None] for task, y in apply({}, features).items()}
    assert Split(features, (rows,), {}).score(data.tasks, outputs, 0) == expected


def test_inputs_are_declared_by_column(folder, rows):
    inputs = {
        "video_id": Ids(min_count=8),
        "author_id": Hashed(buckets=7),
        "duration_ms": Quantiles(bins=3),
        "time_ms": Date(parts=("weekday",), unit="ms", utc_offset=8),
        "music_id": None,
        "tab": None,
    }
    data = load(folder, history=2, inputs=inputs)
    schema, plain = data.schema, load(folder).schema
    gone = {"music_id", "tab"}
    assert set(plain.names) - set(schema.names) == gone
    assert set(schema.names) - set(plain.names) == {"duration_ms", "time_ms_weekday"}
    assert schema.numericals == plain.numericals - 1
    assert (plain.domain, schema.domain) == ("tab", None)
    assert schema.personal == plain.personal

    videos = [row["video_id"] for row in rows["train"]]
    kept = sorted(v for v in set(videos) if videos.count(v) >= 8)
    assert 0 < len(kept) < len(set(videos))
    ids = {video: number for number, video in enumerate(kept, start=1)}
    place = schema.names.index("video_id")
    for split, expected in rows.items():
        features = getattr(data, split).features
        found = features["categorical"][:, place]
        wanted = [ids.get(row["video_id"], 0) for row in expected]
        np.testing.assert_array_equal(found, wanted)
        # One vocabulary for candidate and history, cut rows of both.
        assert features["history"].max() < schema.cardinalities[place]
        days = [datetime.date.fromisoformat(row["date"]) for row in expected]
        known = {
            datetime.date.fromisoformat(row["date"]).isoweekday()
            for row in rows["train"]
        }
        weekday = features["categorical"][:, schema.names.index("time_ms_weekday")]
        wanted = [d.isoweekday() if d.isoweekday() in known else 0 for d in days]
        np.testing.assert_array_equal(weekday, wanted)
    assert schema.fields[0].sizes == (len(kept) + 1,)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"inputs": {"long_view": Quantiles()}}, r"before a video .*\['long_view'\]"),
        ({"inputs": {"play_time_ms": None}}, "known before a video is shown"),
        ({"inputs": {"video_id": Hashed(5)}, "history": 2}, "video_id to be Ids"),
        ({"inputs": {"video_id": None}, "history": 2}, "found None"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        load(folder, **options)
