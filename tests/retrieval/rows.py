"""Users with tastes, items with looks: a small data set of ratings and of choices."""

import numpy as np

from mtlx.data import Catalogue, Dataset, Schema, seen_items
from mtlx.tasks import Task
from mtlx.types import Batch, Field

USERS, ITEMS, GENRES, HISTORY = 24, 31, 4, 3
TASKS = (
    Task("rating", "regression"),
    Task("buy", "retrieval", metrics=("accuracy@5", "ndcg@10", "mrr")),
)


def make_rows(seed: int, rows: int) -> Batch:
    """Ids from 1; users like items of their own kind; some rows are no purchase."""
    rng = np.random.default_rng(seed)
    user = rng.integers(1, USERS + 1, rows)
    kind = user % GENRES
    item = rng.integers(0, ITEMS // GENRES, rows) * GENRES + kind
    item = np.where(rng.random(rows) < 0.8, item, rng.integers(0, ITEMS, rows)) + 1
    rating = 3 + ((item - 1) % GENRES == kind) - 0.1 * (item % 3)
    history = rng.integers(-1, ITEMS // GENRES, (rows, HISTORY))
    history = np.sort(np.where(history < 0, -1, history * GENRES + kind[:, None] + 1))
    features = {
        "categorical": np.stack([user, item, (item - 1) % GENRES], 1).astype(np.int32),
        "history": history[:, ::-1].astype(np.int32),
    }
    where = {"rating": rng.random(rows) < 0.9, "buy": rng.random(rows) < 0.7}
    labels = {
        "rating": np.where(where["rating"], rating, np.nan).astype(np.float32),
        "buy": item.astype(np.int32),
    }
    return Batch(features, labels, where, groups=user.astype(np.int32))


def make_dataset(seen: bool = False, by_group: bool = False) -> Dataset:
    train, validation, test = (make_rows(s, n) for s, n in ((0, 256), (1, 40), (2, 48)))
    everything = np.arange(ITEMS + 1)
    features = {
        "categorical": np.stack(
            [0 * everything, everything, np.maximum(everything - 1, 0) % GENRES], 1
        ).astype(np.int32),
        "history": np.full((ITEMS + 1, HISTORY), -1, np.int32),
    }
    bought = train.where["buy"]
    items = train.labels["buy"][bought]
    catalogue = Catalogue(
        features,
        np.bincount(items, minlength=ITEMS + 1),
        offered=everything > 0,
        seen=seen_items(train.groups[bought], items, USERS + 1) if seen else None,
        by_group=by_group,
    )
    sizes = (USERS + 1, ITEMS + 1, GENRES)
    return Dataset(
        name="shop",
        tasks=TASKS,
        schema=Schema(
            sizes,
            names=("user", "item", "genre"),
            fields=(Field("history", "sequence", (HISTORY,), sizes[1:2], ("item",)),),
            item=("item", "genre"),
        ),
        train=train._replace(groups=None),
        validation=validation,
        test=test,
        catalogues={"buy": catalogue},
    )
