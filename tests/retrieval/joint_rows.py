"""Data sets with items that are joined with each other and with one without."""

import functools

import jax
import numpy as np

from mtlx import models, train
from mtlx.data import joint
from mtlx.models import recommendation as rec
from tests.retrieval.rows import GENRES, ITEMS, make_dataset, make_rows
from tests.train.joint_test import numbers

WIDTH = 6
ENCODER = functools.partial(
    models.JointEncoder,
    encoder=functools.partial(models.FeatureEncoder, embedding_dim=WIDTH),
    width=WIDTH,
)
MODELS = {
    rec.TwoTower: {"query_widths": (WIDTH,), "item_widths": (WIDTH,)},
    rec.CatalogueSoftmax: {"query_widths": (WIDTH,)},
}
RETRIEVAL = ("films_buy", "shop_buy")


def films():
    """As the shop, with other people, other rows, and half as many items."""
    data = make_dataset(seen=True)
    half = ITEMS // 2

    def fewer(rows):
        ids = rows.features["categorical"] % np.array([99, half, 99]) + [0, 1, 0]
        ids = ids.astype(np.int32)
        history = np.minimum(rows.features["history"], half)
        features = {"categorical": ids, "history": history}
        labels = rows.labels | {"buy": ids[:, 1]}
        groups = None if rows.groups is None else rows.groups * 7 + 3
        return rows._replace(features=features, labels=labels, groups=groups)

    catalogue = data.catalogues["buy"]
    rng = np.random.default_rng(3)
    seen = np.full((7 * len(catalogue.seen) + 4, 3), -1)
    seen[3::7] = rng.integers(1, half, seen[3::7].shape)
    own = jax.tree.map(lambda x: x[: half + 1], dict(catalogue.features))
    return data._replace(
        name="films",
        schema=data.schema._replace(
            item=("item",),
            cardinalities=(25, half + 1, GENRES),
            fields=(data.schema.fields[0]._replace(sizes=(half + 1,)),),
            foretold=("buy",),
        ),
        train=fewer(make_rows(5, 128)._replace(groups=None)),
        validation=fewer(data.validation),
        test=fewer(make_rows(7, 30)),
        catalogues={
            "buy": catalogue._replace(
                features=own, counts=np.ones(half + 1), seen=seen, offered=None
            )
        },
    )


@functools.cache
def all_data(**options):
    item = make_dataset(seen=True)
    shop = item._replace(schema=item.schema._replace(item=("item",)))
    sets = {"films": films(), "shop": shop, "bank": numbers()}
    return joint(sets, rule="round_robin", **options)


def build(data, cls):
    return train.build_model(functools.partial(cls, **MODELS[cls]), ENCODER, data)
