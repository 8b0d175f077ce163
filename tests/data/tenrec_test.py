"""Tenrec in its published form, cell by cell."""

import gzip

import numpy as np
import pytest

from mtlx import data
from mtlx.data import DataError, tabular
from mtlx.data.builders import delimited, tenrec_format
from mtlx.data.feed import num_rows
from tests.data.public_logs import alike, column, tenrec_rows, write_tenrec

ALL = ("train", "validation", "test")


@pytest.fixture
def folder(tmp_path):
    write_tenrec(tmp_path / "Tenrec" / "ctr_data_1M.csv", tenrec_rows(900))
    return tmp_path


def load(folder, **options):
    options = {"negatives": None, "blocks": False} | options
    return data.tenrec(data_dir=folder, cache_dir=folder / "cache", **options)


def of_all(found, name):
    return np.concatenate([getattr(found, part).labels[name] for part in ALL])


def test_the_header_is_the_published_one():
    names = "user_id,item_id,click,follow,like,share,video_category,watching_times,"
    names += "gender,age,"
    assert names == ",".join(tenrec_format.VIDEO.kinds) + ","
    names += ",".join(f"hist_{n}" for n in range(1, 11))
    assert names == ",".join(tenrec_format.WITH_HISTORY.kinds)


def test_tenrec_has_the_cells_of_its_file(folder):
    """Divided by a column: the test rows are then known, in the file's order."""
    split = tabular.ByColumn("age", train=[0, 1, 2], validation=[3], test=[4, 5, 6])
    found = load(folder, tasks=("click", "follow", "like", "share"), split=split)
    rows = [row for row in tenrec_rows(900) if row[9] >= 4]
    assert num_rows(found.test) == len(rows) > 50
    for place, task in ((2, "click"), (3, "follow"), (4, "like"), (5, "share")):
        np.testing.assert_array_equal(
            found.test.labels[task], [row[place] for row in rows]
        )
        assert found.test.where[task].all()
    names = ("user_id", "item_id", "video_category", "gender", "age")
    assert found.schema.names == (*names, *(f"hist_{n}" for n in range(1, 11)))
    assert found.schema.personal == ("user_id", "item_id")
    for place, name in ((1, "item_id"), (6, "video_category"), (8, "gender")):
        cells = np.array([str(row[place]) for row in rows])
        assert alike(column(found, "test", name), cells)
    unknown = np.array([row[6] == r"\N" for row in rows])
    assert unknown.any()
    assert (column(found, "test", "video_category")[unknown] == 0).all()
    same = np.equal.outer(found.test.groups, found.test.groups)
    users = np.array([row[0] for row in rows])
    np.testing.assert_array_equal(same, np.equal.outer(users, users))


def test_unclicked_rows_are_thinned_before_the_split(folder):
    rows = tenrec_rows(900)
    clicks = sum(row[2] for row in rows)
    found = load(folder, negatives=2.0)
    assert [of_all(found, task).sum() for task in ("click", "like")] == [
        clicks,
        sum(row[4] for row in rows),
    ]
    assert len(of_all(found, "click")) == 3 * clicks < len(rows)
    assert num_rows(found.test) == num_rows(found.validation) == round(0.3 * clicks)
    every = load(folder, negatives=99.0)
    assert len(of_all(every, "click")) == len(rows)  # more than there are: all


def test_the_draw_is_uniform_block_by_block(tmp_path, monkeypatch):
    """Of 3,000 rows in blocks each has the same chance, and the number is exact."""
    rows = tenrec_rows(3000)
    path = tmp_path / "ctr_data_1M.csv"
    write_tenrec(path, [[n, *row[1:]] for n, row in enumerate(rows)])
    monkeypatch.setattr(delimited, "BLOCK", 20_000)
    form = tenrec_format.WITH_HISTORY
    assert len(list(form.blocks(path))) > 3

    def kept(seed):
        blocks = tenrec_format.video_rows(path, form, "columns", 1.0, seed)
        return np.concatenate([block["user_id"].to_numpy() for block in blocks])

    clicked = np.array([row[2] for row in rows]) == 1
    times = np.zeros(3000)
    for seed in range(20):
        found = kept(seed)
        assert len(found) == 2 * clicked.sum() and (np.diff(found) > 0).all()
        times[found] += 1
    assert (times[clicked] == 20).all()
    share = clicked.sum() / (~clicked).sum()
    for part in np.array_split(np.flatnonzero(~clicked), 4):
        spread = np.sqrt(share * (1 - share) / (20 * len(part)))
        assert abs(times[part].mean() / 20 - share) < 4 * spread
    np.testing.assert_array_equal(kept(3), kept(3))


def test_the_history_is_a_sequence_of_items(folder):
    found = load(folder, history="sequence")
    (field,) = found.schema.fields
    assert (field.name, field.shape, field.shared) == ("history", (10, 1), ("item_id",))
    assert found.schema.names[-1] == "age"
    lengths = (found.test.features["history"][:, :, 0] >= 0).sum(axis=1)
    assert set(lengths) == {2, 10}  # user 3 clicked two others
    in_blocks = load(folder, history="sequence", blocks=True)
    batch = in_blocks.train.source.read(0)
    np.testing.assert_array_equal(
        batch.features["history"], found.train.features["history"]
    )


def test_the_video_files_have_no_history(tmp_path):
    rows = tenrec_rows(900)
    for name in ("QB-video.csv", "QK-video.csv"):
        write_tenrec(tmp_path / name, rows, history=False)
    plain = (tmp_path / "QK-video.csv").read_bytes()
    (tmp_path / "QK-video.csv").unlink()
    (tmp_path / "QK-video.csv.gz").write_bytes(gzip.compress(plain))
    one, other = (load(tmp_path, file=f"{app}-video.csv") for app in ("QB", "QK"))
    assert one.schema.names[-1] == "age" and not one.schema.fields
    np.testing.assert_array_equal(one.test.labels["like"], other.test.labels["like"])


def test_lines_files_and_options_of_tenrec_are_checked(tmp_path):
    with pytest.raises(DataError, match=r"ctr_data_1M.csv in Tenrec/ .*tenrec\.md"):
        load(tmp_path)
    rows = tenrec_rows(20)
    for place, value, message in (
        (4, 2, r"line 5, column 5 \(like\): expected 0 or 1, found 2"),
        (1, "x", r"line 5, column 2 \(item_id\): expected a whole number, found 'x'"),
    ):
        bad = [list(row) for row in rows]
        bad[3][place] = value
        write_tenrec(tmp_path / "ctr_data_1M.csv", bad)
        with pytest.raises(DataError, match=message):
            load(tmp_path)
    write_tenrec(tmp_path / "ctr_data_1M.csv", rows, history=False)
    with pytest.raises(DataError, match="line 1: expected 20 fields, found 10"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"one or more of \['click', 'follow', 'like'"):
        load(tmp_path, tasks=("buy",))
    with pytest.raises(ValueError, match="columns', 'sequence'.*found 'bag'"):
        load(tmp_path, history="bag")
    with pytest.raises(ValueError, match="negatives above 0, found 0"):
        load(tmp_path, negatives=0)
