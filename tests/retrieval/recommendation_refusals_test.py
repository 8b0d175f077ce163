"""Tasks to read, texts of items, and what models of queries and items refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models
from mtlx.data import DataError
from mtlx.models import recommendation as rec
from mtlx.types import Field, Schema
from tests.retrieval.recommendation import IDS, build, randomised
from tests.retrieval.rows import make_dataset


@pytest.fixture(scope="module")
def dataset():
    return make_dataset()


@pytest.fixture(scope="module")
def features(dataset):
    rows = jax.tree.map(lambda x: jnp.asarray(x[:9]), dict(dataset.train.features))
    return rows


def test_tasks_to_read_are_not_trained(dataset):
    model = build(dataset, rec.TwoTower, read=("buy",))
    assert model.untrained() == ("buy",)
    for read in (("buy", "rating"), ("sell",)):
        with pytest.raises(ValueError, match="leave one to train"):
            build(dataset, rec.TwoTower, read=read)


@pytest.mark.parametrize(
    "cls, fields, message",
    [
        (rec.TwoTower, {"item": ("shoe",)}, "item to name columns.*'shoe'.*model.item"),
        (rec.TwoTower, {"item": ()}, r"item to name .*found \[\]"),
        (rec.TwoTower, {"item": ("history",)}, "categorical column that numbers"),
        (rec.TwoTower, {"query": ("item",)}, "share no input"),
        (rec.TwoTower, {"log_q": "guessed"}, "streaming.*found .guessed"),
        (rec.MatrixFactorisation, {}, r"query to be one categorical column, found"),
        (rec.NeuMF, IDS, "scores a pair|score a pair"),
        (rec.CatalogueSoftmax, {}, "item to be one categorical column"),
        (models.SharedBottom, {}, "model=recommendation/two_tower"),
    ],
)
def test_what_does_not_fit_is_refused(dataset, cls, fields, message):
    with pytest.raises(ValueError, match=message):
        build(dataset, cls, **fields)


def test_vectors_of_unlike_widths_are_refused(dataset, features):
    for cls, fields, message in (
        (rec.TwoTower, {"query_widths": ()}, "one width, found 8 and 32"),
        (rec.CatalogueSoftmax, {"item": ("item",)}, "as wide as an item's, 4, found"),
    ):
        model = build(dataset, cls, **fields)
        with pytest.raises(ValueError, match=message):
            jax.eval_shape(model.init, jax.random.key(0), features)


def test_items_with_texts_have_an_encoder_of_their_own(dataset, features):
    """The fields of the item; a catalogue row has them too."""
    title = Field("title", "text", (2,), (5,))
    schema = dataset.schema
    schema = Schema(
        schema.cardinalities,
        names=schema.names,
        fields=(*schema.fields, title),
        item=("item", "title"),
    )
    model = build(dataset._replace(schema=schema), rec.TwoTower)
    ids = features["categorical"][:, 1:] % 5
    rows = features | {"title": ids}
    variables = randomised(model, rows)
    assert "title" in variables["params"]["item_encoder"]
    other = rows | {"title": (ids + 1) % 5}
    a, b = (model.apply(variables, r)["buy"] for r in (rows, other))
    np.testing.assert_array_equal(a[:, 0], b[:, 0])
    assert np.abs(a[:, 1] - b[:, 1]).max() > 1e-3


def test_a_retrieval_task_needs_a_catalogue_with_its_items(dataset):
    with pytest.raises(DataError, match="expected a catalogue"):
        build(dataset._replace(catalogues={}), rec.TwoTower)
    small = dataset.catalogues["buy"]._replace(counts=np.ones(5))
    with pytest.raises(DataError, match="'buy': expected items 0 .. 4, found"):
        build(dataset._replace(catalogues={"buy": small}), rec.TwoTower)
    grouped = make_dataset(seen=True)
    alone = grouped.test._replace(groups=None)
    with pytest.raises(DataError, match="test split: expected groups of rows"):
        build(grouped._replace(test=alone), rec.TwoTower)
    full = grouped.catalogues["buy"]
    few = full._replace(seen=full.seen[:3])
    with pytest.raises(DataError, match=r"groups 0 \.\. 2"):
        build(grouped._replace(catalogues={"buy": few}), rec.TwoTower)
