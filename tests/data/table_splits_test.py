"""Splits and folds, by their definitions and against scikit-learn's invariants."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from mtlx.data import DataError
from mtlx.data.tabular import AtRandom, ByColumn, ByTime, ByUser, Folds, Split

ROWS = 1003
RNG = np.random.default_rng(1)
USER = RNG.integers(0, 90, ROWS)
TIME = (RNG.integers(0, 400, ROWS) * 1000).astype("M8[ms]")
LABEL = (RNG.random(ROWS) < 0.1).astype(int)
COLUMNS = {"user": USER, "time": TIME, "label": LABEL}


def parts(split):
    assert isinstance(split, Split)
    columns = {name: COLUMNS[name] for name in split.reads}
    return split.parts(columns, ROWS)


def test_time_goes_forward():
    found = parts(ByTime("time", validation=0.2, test=0.1))
    assert TIME[found == 0].max() < TIME[found == 1].min()
    assert TIME[found == 1].max() < TIME[found == 2].min()
    np.testing.assert_allclose(np.bincount(found) / ROWS, [0.7, 0.2, 0.1], atol=0.01)
    nothing = parts(ByTime("time", validation=0.2, test=0))
    assert set(nothing) == {0, 1}


def test_moments_in_place_of_shares():
    split = ByTime("time", validation_from="1970-01-01T00:04", test_from=300)
    seconds = TIME.astype(np.int64) // 1000
    expected = np.where(seconds >= 300, 2, np.where(seconds >= 240, 1, 0))
    np.testing.assert_array_equal(parts(split), expected)


@pytest.mark.parametrize("method", ["hash", "random"])
def test_users_stay_together(method):
    split = ByUser("user", validation=0.2, test=0.2, method=method, seed=3)
    found = parts(split)
    of_user = [set(found[USER == user]) for user in range(90)]
    assert all(len(each) == 1 for each in of_user)
    counts = np.bincount([each.pop() for each in of_user])
    tolerance = 0 if method == "random" else 12
    np.testing.assert_allclose(counts, [54, 18, 18], atol=tolerance)
    other = parts(ByUser("user", 0.2, 0.2, method=method, seed=4))
    assert (other != found).any()


def test_a_hashed_user_keeps_the_part_when_others_come():
    split = ByUser("user")
    few = split.parts({"user": USER[:50]}, 50)
    np.testing.assert_array_equal(parts(split)[:50], few)
    as_text = split.parts({"user": USER[:50].astype(np.int16)}, 50)
    np.testing.assert_array_equal(as_text, few)


def test_rows_at_random_and_stratified():
    found = parts(AtRandom(0.1, 0.2, seed=1))
    assert np.bincount(found).tolist() == [702, 100, 201]
    assert (found != parts(AtRandom(0.1, 0.2, seed=2))).any()
    found = parts(AtRandom(0.1, 0.2, stratify="label"))
    for label in (0, 1):
        counts = np.bincount(found[LABEL == label])
        rows = (LABEL == label).sum()
        assert counts[1:].tolist() == [round(0.1 * rows), round(0.2 * rows)]


def test_every_row_is_tested_on_once():
    whole = [parts(Folds(k=4, fold=fold)) for fold in range(4)]
    np.testing.assert_array_equal(np.sum([w == 2 for w in whole], axis=0), 1)
    np.testing.assert_array_equal(np.sum([w == 1 for w in whole], axis=0), 1)
    sizes = [(w == 2).sum() for w in whole]
    assert max(sizes) - min(sizes) <= 1


def test_stratified_folds_are_as_even_as_scikit_learns():
    folds = Folds(k=5, stratify="label").folds(COLUMNS, ROWS)
    ours = np.array([np.bincount(LABEL[folds == fold]) for fold in range(5)])
    reference = StratifiedKFold(5).split(np.zeros(ROWS), LABEL)
    theirs = np.array([np.bincount(LABEL[test]) for _, test in reference])
    assert (np.ptp(ours, axis=0) <= 1).all()
    np.testing.assert_array_equal(np.sort(ours, axis=0), np.sort(theirs, axis=0))
    assert np.ptp(ours.sum(axis=1)) <= 1


def test_folds_of_users():
    split = Folds(k=3, fold=1, by="user")
    fold = split.folds(COLUMNS, ROWS)
    of_user = [set(fold[USER == user]) for user in range(90)]
    assert all(len(each) == 1 for each in of_user)
    assert np.bincount([each.pop() for each in of_user]).tolist() == [30, 30, 30]
    np.testing.assert_array_equal(parts(split) == 2, fold == 1)
    np.testing.assert_array_equal(parts(split) == 1, fold == 2)


def test_a_column_that_names_the_part():
    names = np.array(["train", "dev", "holdout"])[LABEL + (USER == 0)]
    split = ByColumn("part", validation=("dev",), test=("holdout",))
    found = split.parts({"part": _text(names)}, ROWS)
    np.testing.assert_array_equal(found, LABEL + (USER == 0))
    with pytest.raises(DataError, match=r"found \['dev'"):
        ByColumn("part").parts({"part": _text(names)}, ROWS)
    numbers = ByColumn("label", train=(0,), validation=(1,), test=())
    np.testing.assert_array_equal(parts(numbers), LABEL)


def _text(rows):
    from mtlx.data.categorical import Categorical

    return Categorical.of(rows)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ByTime("t", validation=0.5, test=0.5),
        lambda: ByTime("t", unit="h"),
        lambda: ByTime("t", test_from="20240101"),
        lambda: ByTime("t", validation_from="20240102", test_from="20240101"),
        lambda: ByTime("t", validation_from="soon", test_from="20240101"),
        lambda: ByUser("u", validation=-0.1),
        lambda: ByUser("u", method="md5"),
        lambda: AtRandom(test=1.0),
        lambda: ByColumn("c", train=("a",), test=("a",)),
        lambda: Folds(k=2),
        lambda: Folds(k=3, fold=3),
        lambda: Folds(by="u", stratify="l"),
    ],
)
def test_a_declaration_out_of_range_is_refused(make):
    with pytest.raises(ValueError, match="expected .*found"):
        make()
