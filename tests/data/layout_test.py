"""Fields fed from blocks: the same batches as from memory."""

import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from mtlx import data
from mtlx.data import DataError, tabular
from mtlx.data.feed import num_rows
from mtlx.data.inputs import Hashed, Ids, IdSequence, Number, Text
from mtlx.data.shuffle import Shuffle
from mtlx.data.tabular.fitted_table import take_batch
from mtlx.tasks import Task
from mtlx.types import Batch, Field
from tests.data.table_files import ROWS, shop_columns, write_csv, write_parquet

TASKS = (
    Task("click", "binary", label="clicked"),
    Task("buy", "binary", label="bought", space="clicked"),
    Task("stars", "multiclass", num_classes=6),
)
INPUTS = {
    "row": Number(scale="none"),  # tells the rows apart
    "user": Ids(),
    "item": Hashed(buckets=20),
    "seen": IdSequence(length=4),
    "title": Text(length=5, min_count=1),
}
SPLIT = tabular.ByUser("user", validation=0.2, test=0.2, method="random")
FIELDS = (
    Field("bag", "bag", (3,), (9,)),
    Field("seen", "sequence", (2, 2), (9, 4)),
    Field("picture", "image", (2, 2, 3)),
    Field("vector", "vector", (4,)),
)
LAYOUT = data.Layout({}, fields=FIELDS)


def load(path, **options):
    return data.table(path, INPUTS, TASKS, SPLIT, group="user", **options)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    shop = shop_columns() | {"row": list(range(ROWS))}
    return write_csv(tmp_path_factory.mktemp("shop") / "log.csv", shop)


@pytest.fixture(scope="module")
def resident(path):
    return load(path)


def row_of(batch):
    return np.asarray(batch.features["numerical"])[:, 0].astype(int)


def assert_same(found, expected):
    assert set(found.features) == set(expected.features)
    for kind in ("features", "labels", "where"):
        for name, column in getattr(expected, kind).items():
            other = getattr(found, kind)[name]
            np.testing.assert_array_equal(other, column, err_msg=name)
            assert other.dtype == column.dtype, name


@pytest.mark.parametrize("kind", ["parquet", "array_record"])
def test_blocks_give_the_batches_of_the_resident_form(kind, resident, tmp_path):
    train, schema = resident.train, resident.schema
    layout = data.Layout(
        labels={task.name: f"y {task.name}" for task in TASKS},
        categorical=schema.names,
        numerical=("number",),
        fields=schema.fields,
        classes=("stars",),
    )
    table, path = layout.table(train), tmp_path / "rows"
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path, row_group_size=16)
        source = data.ParquetBlocks(path, layout)
    else:
        data.write_array_record(path, table, rows_per_record=16)
        source = data.ArrayRecordBlocks(path, layout)
    shuffle = Shuffle(data.Blocks(source, window=3), 32, seed=(4,))
    place = {row: number for number, row in enumerate(row_of(train).tolist())}
    seen = []
    for number in range(num_rows(train) // 32):
        batch = shuffle.batch(number)
        rows = np.array([place[row] for row in row_of(batch)])
        assert_same(batch, take_batch(train, rows))
        seen += rows.tolist()
    assert len(set(seen)) == num_rows(train) // 32 * 32
    assert train.features["seen"].min() == -1 and not train.where["stars"].all()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_in_blocks_has_the_rows_of_the_resident_one(
    kind, path, resident, tmp_path, monkeypatch
):
    monkeypatch.setattr("mtlx.data.tabular.stored_splits.ROWS", 50)
    files = path
    if kind != "csv":
        shop = shop_columns() | {"row": list(range(ROWS))}
        files = write_parquet(tmp_path / "log.parquet", shop)
    options = {"blocks": True, "cache_dir": tmp_path / "cache", "steps_per_epoch": 7}
    found = load(files, **options)
    assert isinstance(found.train, data.Blocks) and found.train.steps_per_epoch == 7
    assert found.schema == resident.schema
    sizes = list(found.train.source.sizes)
    assert len(sizes) == 5 and sum(sizes) == num_rows(resident.train)
    parts = [found.train.source.read(block) for block in range(5)]
    one = [np.concatenate(x) for x in zip(*map(leaves, parts), strict=True)]
    for left, right in zip(one, leaves(resident.train), strict=True):
        np.testing.assert_array_equal(left, right)
    for part in ("validation", "test"):
        assert_same(getattr(found, part), getattr(resident, part))
        groups = getattr(resident, part).groups
        np.testing.assert_array_equal(getattr(found, part).groups, groups)
    # The second load reads neither the files nor fits anything again.
    monkeypatch.setattr(sys.modules["mtlx.data.table"], "read_raw_table", None)
    again = load(files, **options)
    assert_same(again.test, resident.test)
    assert again.notes == resident.notes
    monkeypatch.undo()
    load(files, **options | {"missing": ("", "nothing")})
    assert len(list((tmp_path / "cache" / "table").iterdir())) == 2


def leaves(batch):
    return [
        column
        for kind in ("features", "labels", "where")
        for _, column in sorted(getattr(batch, kind).items())
    ]


def arrow(**columns):
    rows = {
        "bag": [[1, 2], [], [3, 3, 0]],
        "seen": [[[1, 2], [3, 0]], [], [[8, 3]]],  # nested, of two columns
        "picture": [list(range(12))] * 3,
        "vector": [[0.5] * 4] * 3,
    }
    return pyarrow.table(rows | columns)


def test_lists_of_any_depth_are_padded_to_the_fields_shape():
    found = LAYOUT.batch(arrow(), "t").features
    np.testing.assert_array_equal(found["bag"], [[1, 2, -1], [-1] * 3, [3, 3, 0]])
    expected = [[[1, 2], [3, 0]], [[-1, -1]] * 2, [[8, 3], [-1, -1]]]
    np.testing.assert_array_equal(found["seen"], expected)
    assert found["picture"].dtype == np.uint8
    np.testing.assert_array_equal(found["picture"][1, 1, 0], [6, 7, 8])
    assert found["vector"].dtype == np.float32
    again = LAYOUT.batch(LAYOUT.table(Batch(found, {}, {})), "t").features
    for name, column in found.items():
        np.testing.assert_array_equal(again[name], column)
    flat = LAYOUT.batch(arrow(seen=[[1, 2, 3, 0], [], [8, 3]]).slice(1), "t").features
    np.testing.assert_array_equal(flat["seen"], expected[1:])


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"bag": [[1], None, []]}, "a list in every row of column 'bag', found 1 rows"),
        ({"bag": [[1], [1, 2, 3, 4], []]}, "row 1: expected at most 3 .*found 4"),
        ({"seen": [[], [], [1]]}, "'seen', row 2: expected at most 4 .*found 1"),
        ({"vector": [[0.5] * 4, [], [0.5] * 4]}, "row 1: expected 4 .*vector.*found 0"),
        ({"picture": [[1] * 12, [1] * 12, [1] * 13]}, "row 2: expected 12 .*found 13"),
        ({"bag": [[1], [9], []]}, "'bag', row 1: expected ids below .*found 9"),
        ({"seen": [[], [8, 4], []]}, "'seen', row 1: expected ids below .*found 4"),
        ({"bag": [1, 2, 3]}, "expected lists in column 'bag' .a bag., found int64"),
    ],
)
def test_fields_that_do_not_fit_are_refused(columns, message):
    with pytest.raises(DataError, match=message):
        LAYOUT.batch(arrow(**columns), "t")


def test_a_column_of_a_field_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="expected the columns vector, found bag"):
        LAYOUT.check(["bag", "seen", "picture"], "t")
