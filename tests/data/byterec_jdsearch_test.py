"""ByteRec and JDsearch in their published forms; what all large logs have in common."""

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
from mtlx.data.feed import num_rows
from mtlx.data.inputs import Ids
from tests.data.public_logs import (
    byterec_rows,
    column,
    jdsearch_lines,
    jdsearch_products,
)

ROOT = Path(__file__).resolve().parents[2]
ALL = ("train", "validation", "test")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


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
    "name", ["aliccp", "aliexpress", "byterec", "jdsearch", "table", "tenrec"]
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
