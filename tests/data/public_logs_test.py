"""AliExpress, Ali-CCP, ByteRec and JDsearch in their published forms, cell by cell."""

import gzip
import inspect
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from mtlx import data
from mtlx.data import DataError, tabular
from mtlx.data.builders import aliexpress_format as ae
from mtlx.data.builders.aliccp_format import COMMON, OWN
from mtlx.data.feed import num_rows
from mtlx.data.inputs import Ids
from tests.data.public_logs import (
    aliccp_files,
    aliexpress_rows,
    byterec_rows,
    jdsearch_lines,
    jdsearch_products,
    write_published_aliexpress,
)

ROOT = Path(__file__).resolve().parents[2]
ALL = ("train", "validation", "test")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def column(dataset, part, name):
    place = dataset.schema.names.index(name)
    return getattr(dataset, part).features["categorical"][:, place]


def alike(ids, cells):
    """Whether known ids are equal where the cells are."""
    known = ids > 0
    assert known.any()
    same = np.equal.outer(cells[known], cells[known])
    return (np.equal.outer(ids[known], ids[known]) == same).all()


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


# --- ByteRec ------------------------------------------------------------------------


def write_byterec(folder, rows):
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    path = folder / "final_track2_train.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_byterec_is_split_by_time_and_minus_one_is_unknown(tmp_path, cache):
    rows = byterec_rows(300)
    write_byterec(tmp_path, rows)
    options = {"data_dir": tmp_path, "cache_dir": cache, "min_count": 2}
    found = data.byterec(**options)
    time = np.array([row[10] for row in rows])
    order = np.sort(time)
    test = np.flatnonzero(time >= order[270])
    assert num_rows(found.test) == len(test)
    np.testing.assert_array_equal(
        found.test.labels["finish"], [rows[r][6] for r in test]
    )
    np.testing.assert_array_equal(found.test.labels["like"], [rows[r][7] for r in test])
    gaps = np.array([rows[r][4] == -1 for r in test])
    assert gaps.any() and (column(found, "test", "item_city")[gaps] == 0).all()
    assert "time" not in found.schema.names and found.schema.numericals == 1
    later = data.byterec(split=tabular.AtRandom(0.1, 0.1), **options)
    assert num_rows(later.test) == 30
    less = data.byterec(inputs={"uid": None, "device": Ids()}, **options)
    assert "uid" not in (*less.schema.names, *less.schema.personal)


def test_byterec_lines_and_files_are_checked(tmp_path, cache):
    with pytest.raises(DataError, match="final_track2_train.txt in byterec/"):
        data.byterec(data_dir=tmp_path, cache_dir=cache)
    write_byterec(tmp_path, [*byterec_rows(5), (1, 2, 3)])
    with pytest.raises(DataError, match="line 6: expected 12 fields, found 3"):
        data.byterec(data_dir=tmp_path, cache_dir=cache)
    rows = byterec_rows(200)
    rows[3] = (*rows[3][:7], 5, *rows[3][8:])
    write_byterec(tmp_path, rows)
    with pytest.raises(DataError, match=r"line 4, column 8 \(like\): expected 0 or 1"):
        data.byterec(data_dir=tmp_path, cache_dir=cache)
    with pytest.raises(ValueError, match=r"one or more of \['finish', 'like'\]"):
        data.byterec(tasks=("watch",), data_dir=tmp_path, cache_dir=cache)


def test_a_second_load_reads_the_cache_and_a_changed_file_is_read_anew(
    tmp_path, cache, monkeypatch
):
    rows = byterec_rows(200)
    write_byterec(tmp_path, rows)
    options = {"data_dir": tmp_path, "cache_dir": cache}
    first = data.byterec(**options)
    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["mtlx.data.byterec"], "FORMAT", None)
        second = data.byterec(**options)
    np.testing.assert_array_equal(first.test.labels["like"], second.test.labels["like"])
    write_byterec(tmp_path, rows[:150])
    assert num_rows(data.byterec(**options).test) == 15


def test_archives_hold_one_file(tmp_path, cache):
    lines = "".join("\t".join(map(str, row)) + "\n" for row in byterec_rows(100))
    with zipfile.ZipFile(tmp_path / "final_track2_train.txt.zip", "w") as archive:
        archive.writestr("final_track2_train.txt", lines)
    assert num_rows(data.byterec(data_dir=tmp_path, cache_dir=cache).test) == 10
    with zipfile.ZipFile(tmp_path / "final_track2_train.txt.zip", "a") as archive:
        archive.writestr("more.txt", lines)
    with pytest.raises(DataError, match="an archive of one file, found .*more.txt"):
        data.byterec(data_dir=tmp_path, cache_dir=cache)


# --- JDsearch -----------------------------------------------------------------------


@pytest.fixture
def searches(tmp_path):
    folder = tmp_path / "JDsearch"
    folder.mkdir()
    lines, products = jdsearch_lines(40), jdsearch_products()
    (folder / "release_data.txt").write_text("".join(f"{x}\n" for x in lines))
    with zipfile.ZipFile(folder / "product_data.zip", "w") as archive:
        archive.writestr("product_data.txt", "".join(f"{x}\n" for x in products))
    return tmp_path


def test_jdsearch_is_a_row_a_candidate(searches, cache):
    options = {"data_dir": searches, "cache_dir": cache, "min_count": 1}
    split = tabular.ByUser("search", 0.2, 0.2, method="random")
    found = data.jdsearch(history=3, split=split, blocks=False, **options)
    lines = [line.split("\t") for line in jdsearch_lines(40)]
    candidates = [line[1].split("_") for line in lines]
    assert sum(num_rows(getattr(found, part)) for part in ALL) == sum(
        map(len, candidates)
    )
    # Groups are numbers of the searches' texts in order.
    texts = sorted(map(str, range(40)))
    searched = sorted(int(texts[code]) for code in np.unique(found.test.groups))
    assert len(searched) == 8
    grades = np.concatenate(
        [[float(g) for g in lines[n][2].split("_")] for n in searched]
    )
    for task, least in (("click", 1), ("cart", 2), ("purchase", 3)):
        np.testing.assert_array_equal(found.test.labels[task], grades >= least)
    # The last three products, oldest first, in the candidates' own vocabulary.
    seq = next(f for f in found.schema.fields if f.name == "history")
    assert (seq.shape, seq.shared) == ((3, 1), ("wid",))
    lengths = [min(len(lines[n][4].split("_")), 3) for n in searched]
    rows = [len(candidates[n]) for n in searched]
    kept = (found.test.features["history"][:, :, 0] >= 0).sum(axis=1)
    np.testing.assert_array_equal(kept, np.repeat(lengths, rows))
    # A product that the products' file has not: no brand, but a number of its own.
    known = {line.split("\t")[0] for line in jdsearch_products()}
    missing = np.array([w not in known for n in searched for w in candidates[n]])
    assert missing.any()
    assert (column(found, "test", "brand_id")[missing] == 0).all()
    assert (column(found, "test", "brand_id")[~missing] > 0).all()
    names = {*found.schema.names, *(f.name for f in found.schema.fields)}
    assert names.isdisjoint({"search", "place", "name"})


def test_jdsearch_options(searches, cache):
    options = {"data_dir": searches, "cache_dir": cache, "blocks": False}
    split = tabular.ByUser("search", 0.2, 0.2, method="random")
    found = data.jdsearch(history=0, names=True, split=split, **options)
    assert [field.name for field in found.schema.fields] == ["query", "name"]
    in_blocks = data.jdsearch(history=2, split=split, **options | {"blocks": True})
    assert isinstance(in_blocks.train, data.Blocks)
    batch = in_blocks.train.source.read(0)
    assert batch.features["history"].shape[1:] == (2, 1)
    with pytest.raises(ValueError, match="history >= 0, found -1"):
        data.jdsearch(history=-1, **options)


@pytest.mark.parametrize(
    "place, text, message",
    [
        (2, "1.0", "column 3 .candidate_label_list.: expected . entries.*found 1"),
        (2, None, "column 3 .candidate_label_list.: expected .*'0.0'.*found '9.0'"),
        (1, "a", "column 2 .candidate_wid_list.: expected products' numbers"),
        (5, "ORD", "column 6 .history_type_list.: expected . entries.*found 1"),
    ],
)
def test_lines_of_jdsearch_are_checked(searches, cache, place, text, message):
    path = searches / "JDsearch" / "release_data.txt"
    lines = path.read_text().split("\n")
    cells = lines[2].split("\t")
    if text is None:
        text = "_".join(["9.0"] * len(cells[1].split("_")))
    if text == "a":
        text = "_".join(["a"] * len(cells[1].split("_")))
    lines[2] = "\t".join([*cells[:place], text, *cells[place + 1 :]])
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=f"line 3, {message}"):
        data.jdsearch(data_dir=searches, cache_dir=cache)


@pytest.mark.parametrize(
    "name", ["aliccp", "aliexpress", "byterec", "jdsearch", "table"]
)
def test_the_configuration_is_the_constructors_call(name):
    cfg = OmegaConf.load(ROOT / "conf" / "data" / f"{name}.yaml")
    call = getattr(data, name)
    assert cfg.pop("_target_") == f"mtlx.data.{name}"
    arguments = inspect.signature(call).parameters
    assert set(cfg) == set(arguments)
    written = {key for key in cfg if not OmegaConf.is_missing(cfg, key)}
    for key in written - {"data_dir", "cache_dir"}:
        default, found = arguments[key].default, cfg[key]
        found = tuple(found) if OmegaConf.is_list(found) else found
        assert (found or None) == (default or None), key
