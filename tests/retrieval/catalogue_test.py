"""Catalogues: what users have seen, and how a data set's classes become items."""

import dataclasses

import numpy as np
import pytest
import yaml

from mtlx.data import DataError, build_labels, seen_items, with_catalogue, with_log_q
from mtlx.data.catalogue import log_frequencies, queries
from mtlx.models import recommendation as rec
from mtlx.tasks import Task
from tests.conf_test import CONF
from tests.models.model_conf_test import NOT_CONFIGURED
from tests.retrieval.rows import ITEMS, make_dataset


@pytest.fixture
def classes():
    """The shop, with "buy" as a multiclass task of item ids, and one item unseen."""
    shop = make_dataset()
    task = Task("buy", "multiclass", num_classes=ITEMS + 1)
    train = shop.train
    keep = train.features["categorical"][:, 1] != 5
    train = train._replace(
        features={name: x[keep] for name, x in train.features.items()},
        labels={name: x[keep] for name, x in train.labels.items()},
        where={name: x[keep] for name, x in train.where.items()},
    )
    schema = shop.schema._replace(item=())
    tasks = (shop.tasks[0], task)
    return shop._replace(tasks=tasks, schema=schema, train=train, catalogues={})


def test_classes_become_items(classes):
    found = with_catalogue(classes, "buy", ["item", "genre"], ["mrr"])
    shop = make_dataset()
    assert found.schema.item == ("item", "genre")
    assert found.tasks[1] == Task("buy", "retrieval", metrics=("mrr",))
    catalogue = found.catalogues["buy"]
    offered = np.arange(ITEMS + 1) > 0
    offered[5] = False  # the training split does not know it
    np.testing.assert_array_equal(catalogue.offered, offered)
    expected = shop.catalogues["buy"].features["categorical"].copy()
    expected[0] = 0
    found_rows = catalogue.features["categorical"]
    np.testing.assert_array_equal(found_rows[offered], expected[offered])
    assert (catalogue.features["history"] == -1).all()
    counted = found.train.where["buy"]
    counts = np.bincount(found.train.labels["buy"][counted], minlength=ITEMS + 1)
    np.testing.assert_array_equal(catalogue.counts, counts)
    assert catalogue.seen is None
    kept = with_catalogue(classes, "buy", ["item"], remove_accidental_hits=False)
    assert kept.tasks[1].loss.keywords == {"remove_accidental_hits": False}


def test_the_items_own_fields_are_in_the_catalogue(classes):
    found = with_catalogue(classes, "buy", ["item", "history"]).catalogues["buy"]
    rows = classes.train.features
    for item in (1, 7):
        first = np.flatnonzero(rows["categorical"][:, 1] == item)[0]
        np.testing.assert_array_equal(
            found.features["history"][item], rows["history"][first]
        )
    assert (found.features["history"][0] == -1).all()
    assert (found.features["categorical"][:, 2] == 0).all()


def test_what_users_have_seen_is_by_their_group(classes):
    """Groups are numbers of their own, and not the ids of users."""

    def renumbered(rows):
        return rows._replace(groups=30 - rows.groups)

    moved = classes._replace(
        validation=renumbered(classes.validation), test=renumbered(classes.test)
    )
    seen = with_catalogue(moved, "buy", ["item"], seen="user", by_group=True)
    seen = seen.catalogues["buy"]
    train, counted = classes.train, classes.train.where["buy"]
    user = train.features["categorical"][:, 0]
    for row in range(10):
        one = classes.test.features["categorical"][row, 0]
        items = np.unique(train.labels["buy"][counted & (user == one)])
        listed = seen.seen[moved.test.groups[row]]
        np.testing.assert_array_equal(listed[listed >= 0], items)
    rows = moved.test
    assert queries({"buy": seen}, rows)["buy"] is rows.groups
    assert queries({"buy": seen._replace(by_group=False)}, rows) == {}


def test_seen_items_are_listed_once():
    found = seen_items(np.array([2, 0, 2, 2]), np.array([7, 3, 5, 7]), 4)
    assert found.tolist() == [[3, -1], [-1, -1], [5, 7], [-1, -1]]
    assert seen_items(np.zeros(0, int), np.zeros(0, int), 2).tolist() == [[-1], [-1]]


def test_log_frequencies():
    np.testing.assert_allclose(
        log_frequencies(np.array([3, 0, 1])), np.log([0.75, 1, 0.25]), rtol=1e-6
    )


def test_labels_of_a_retrieval_task_are_numbers_of_items():
    task = Task("buy", "retrieval")
    labels, where = build_labels({"buy": np.array([3.0, -1, np.nan, 0])}, [task])
    assert labels["buy"].dtype == np.int32
    assert where["buy"].tolist() == [True, False, False, True]
    for strange in (-2.0, 0.5):
        with pytest.raises(DataError, match="the number of an item, or missing, found"):
            build_labels({"buy": np.array([strange])}, [task])


def test_what_does_not_fit_is_refused(classes):
    with pytest.raises(ValueError, match="expected a multiclass task, found 'rating'"):
        with_catalogue(classes, "rating", ["item"])
    with pytest.raises(ValueError, match="first a categorical column, found"):
        with_catalogue(classes, "buy", ["history", "item"])
    with pytest.raises(ValueError, match=r"columns and fields of .*\['item', 'shoe'\]"):
        with_catalogue(classes, "buy", ["item"], seen="shoe")
    with pytest.raises(DataError, match="train split, row .*show_item=true"):
        with_catalogue(classes, "buy", ["genre"])
    alone = classes._replace(test=classes.test._replace(groups=None))
    with pytest.raises(DataError, match="expected groups of rows"):
        with_catalogue(alone, "buy", ["item"], seen="user")
    with pytest.raises(ValueError, match="a catalogue and one retrieval task"):
        with_log_q(classes)


def test_every_model_has_a_file_that_states_its_defaults():
    found = set()
    for path in (CONF / "model" / "recommendation").glob("*.yaml"):
        config = yaml.safe_load(path.read_text())
        cls = getattr(rec, config.pop("_target_").rpartition(".")[2])
        assert config.pop("_partial_") is True
        frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
        fields = {
            field.name: field.default
            for field in dataclasses.fields(cls)
            if field.name not in NOT_CONFIGURED
        }
        layers = {"tower_widths", "norm", "dropout_rate", "dtype"}
        if cls is rec.MatrixFactorisation:  # has no layers
            fields = {k: v for k, v in fields.items() if k not in layers}
        assert frozen == fields, path
        found.add(cls)
    assert {c.__name__ for c in found} == set(rec.__all__) - {
        "RecommendationModel",
        "StreamingFrequency",
    }
