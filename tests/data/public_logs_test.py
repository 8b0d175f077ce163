"""AliExpress and Ali-CCP in their published forms, cell by cell."""

from pathlib import Path

import numpy as np
import pytest

from mtlx import data
from mtlx.data import DataError
from mtlx.data.builders import aliexpress_format as ae
from mtlx.data.builders.aliccp_format import COMMON, OWN
from mtlx.data.feed import num_rows
from tests.data.public_logs import (
    aliccp_files,
    aliexpress_rows,
    alike,
    column,
    write_published_aliexpress,
)

ROOT = Path(__file__).resolve().parents[2]
ALL = ("train", "validation", "test")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


# --- AliExpress ---------------------------------------------------------------------


def aliexpress(folder, cache, **options):
    options = {"validation": 0.3, "seed": 1} | options
    return data.aliexpress(data_dir=folder, cache_dir=cache, **options)


@pytest.fixture
def joined(tmp_path):
    """train.csv and test.csv as the MTReclib repository joins them."""
    folder = tmp_path / "AliExpress_NL"
    folder.mkdir()
    for seed, part in enumerate(("train", "test")):
        rows = aliexpress_rows(seed)
        lines = [",".join(ae.COLUMNS), *(",".join(map(str, row)) for row in rows)]
        (folder / f"{part}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_aliexpress_has_the_cells_of_its_files(joined, cache):
    found = aliexpress(joined, cache, tasks=("click", "conversion", "rate"))
    test = np.array(aliexpress_rows(1), float)
    assert num_rows(found.test) == len(test)
    np.testing.assert_array_equal(found.test.labels["click"], test[:, -2])
    np.testing.assert_array_equal(found.test.labels["conversion"], test[:, -1])
    np.testing.assert_array_equal(found.test.where["rate"], test[:, -2] == 1)
    assert found.test.where["conversion"].all()  # over all items shown: CTCVR
    same = np.equal.outer(found.test.groups, found.test.groups)
    np.testing.assert_array_equal(same, np.equal.outer(test[:, 0], test[:, 0]))
    # 16 and 63: the page's id is no input.
    assert found.schema.names == ae.CATEGORICAL
    assert found.schema.numericals == 63
    train = np.array(aliexpress_rows(0), float)
    assert num_rows(found.train) + num_rows(found.validation) == len(train)
    for place in (7, 12):  # of the page, of the item
        ids = column(found, "test", f"categorical_{place}")
        assert alike(ids, test[:, place])


def test_aliexpress_pages_stay_together(joined, cache):
    train = np.array(aliexpress_rows(0), float)
    found = aliexpress(joined, cache)
    sizes = np.bincount(found.validation.groups)
    assert set(sizes[sizes > 0]) == {5}  # each page whole
    assert 0 < (sizes > 0).sum() < len(set(train[:, 0]))
    other = aliexpress(joined, cache, seed=2)
    assert set(other.validation.groups) != set(found.validation.groups)


@pytest.mark.parametrize("packed", [False, True])
def test_the_published_pair_joins_to_the_same_rows(joined, tmp_path, cache, packed):
    folder = tmp_path / "published" / "AliExpress_NL"
    folder.mkdir(parents=True)
    for seed, part in enumerate(("train", "test")):
        write_published_aliexpress(folder, part, aliexpress_rows(seed), packed)
    one = aliexpress(joined, cache)
    other = aliexpress(folder.parent, cache)
    assert one.schema == other.schema
    for part in ALL:
        left, right = getattr(one, part), getattr(other, part)
        for kind in ("features", "labels", "where"):
            for name, found in getattr(right, kind).items():
                np.testing.assert_array_equal(found, getattr(left, kind)[name])


def test_a_bad_line_of_aliexpress_is_named(joined, tmp_path, cache):
    path = tmp_path / "AliExpress_NL" / "test.csv"
    lines = path.read_text().splitlines()
    cells = lines[4].split(",")
    for place, text, message in (
        (3, "x", r"line 5, column 4 \(categorical_3\): expected a whole number, .*'x'"),
        (20, "?", r"line 5, column 21 \(numerical_4\): expected a number, found '\?'"),
        (80, "2", r"line 5, column 81 \(click\): expected 0 or 1, found 2"),
    ):
        changed = [*cells[:place], text, *cells[place + 1 :]]
        path.write_text("\n".join([*lines[:4], ",".join(changed), *lines[5:]]))
        with pytest.raises(DataError, match=message):
            aliexpress(joined, cache)
    path.write_text("\n".join([*lines[:4], ",".join(cells[:-1]), *lines[5:]]))
    with pytest.raises(DataError, match="line 5: expected 82 fields, found 81"):
        aliexpress(joined, cache)


def test_a_label_that_is_none_is_named(tmp_path, cache):
    folder = tmp_path / "AliExpress_NL"
    folder.mkdir()
    write_published_aliexpress(folder, "train", aliexpress_rows(0), False)
    path = folder / "nl_item_train.csv"
    lines = path.read_text().splitlines()
    lines[2] = lines[2].rsplit(",", 1)[0] + ",3"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="item_train.csv, line 3, column 49 .*found 3"):
        aliexpress(tmp_path, cache)


# --- Ali-CCP ------------------------------------------------------------------------


def test_aliccp_joins_samples_and_common_features(tmp_path, cache):
    samples = aliccp_files(tmp_path / "ali_ccp", rows=80)
    options = {"validation": 0.2, "min_count": 2, "blocks": False}
    found = data.aliccp(data_dir=tmp_path, cache_dir=cache, **options)
    fields = [f"field_{number}" for number in (*COMMON, *OWN)]
    assert list(found.schema.names) == fields
    test = [s for s in samples["test"] if s["purchase"] <= s["click"]]
    # What cannot be, a purchase without a click, is left out.
    assert num_rows(found.test) == len(test) < len(samples["test"])
    clicks = [s["click"] for s in test]
    np.testing.assert_array_equal(found.test.labels["click"], clicks)
    train = [s for s in samples["train"] if s["purchase"] <= s["click"]]
    assert num_rows(found.train) + num_rows(found.validation) == len(train)
    # 127 is a field of its own, beside 127_14; the first of several counts.
    for field in ("101", "127", "205", "216", "301"):
        cells = np.array([s["features"][field][0] for s in test])
        assert alike(column(found, "test", f"field_{field}"), cells)
    absent = np.array(["702" not in s["features"] for s in test])
    assert (column(found, "test", "field_702")[absent] == 0).all()
    assert absent.any() and (column(found, "test", "field_702") > 0).any()
    assert found.schema.domain == "field_301"


def test_aliccp_in_blocks_has_the_same_rows(tmp_path, cache):
    aliccp_files(tmp_path / "ali_ccp", rows=80)
    options = {"validation": 0.2, "data_dir": tmp_path, "cache_dir": cache}
    resident = data.aliccp(blocks=False, **options)
    found = data.aliccp(**options)
    assert isinstance(found.train, data.Blocks)
    assert found.schema == resident.schema
    read = found.train.source.read(0)
    for name, expected in resident.train.features.items():
        if name in read.features:  # what there is none of is not written
            np.testing.assert_array_equal(read.features[name], expected)


def test_samples_without_their_common_features_are_named(tmp_path, cache):
    aliccp_files(tmp_path, rows=30)
    path = tmp_path / "sample_skeleton_test.csv"
    lines = path.read_text().split("\n")
    cells = lines[6].split(",")
    lines[6] = ",".join([*cells[:3], "nobody", *cells[4:]])
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="line 7, column 4 .*found 'nobody'"):
        data.aliccp(data_dir=tmp_path, cache_dir=cache)
    lines[6] = ",".join([cells[0], "2", *cells[2:]])
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"line 7, column 2 \(click\): expected 0 or 1"):
        data.aliccp(data_dir=tmp_path, cache_dir=cache)
    lines[6] = ",".join(cells).replace("205\x02", "205\x02x")
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="line 7, field 205: expected a whole number"):
        data.aliccp(data_dir=tmp_path, cache_dir=cache)
