"""What a trained model recommends: what the lists are like, for whom they are right."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mtlx import recommendation_metrics as beyond
from mtlx.data.dataset import Dataset
from mtlx.data.feed import num_rows
from mtlx.ranking_slices import activity_slices, by_slice
from mtlx.retrieval import TopK, top_k, top_k_in
from mtlx.train.evaluate import make_apply, make_predict
from mtlx.train.ranking import item_vectors
from mtlx.types import Batch, PyTree


def recommend(
    model: nn.Module,
    variables: PyTree,
    dataset: Dataset,
    rows: Batch,
    task: str,
    k: int,
    batch_size: int = 4096,
) -> TopK:
    """The k best items of the whole catalogue for the query of each row.

    Without what the catalogue does not offer and what the row's group has seen.

    Args:
        model, variables: trained.
        dataset: gives the task's catalogue.
        rows: whose features and groups are read.
        task: a retrieval task.
        k: length of the lists.
        batch_size: rows at a time.
    """
    catalogue = dataset.catalogues[task]
    masks = {"offered": catalogue.offered}

    @jax.jit
    def lists(variables, features, seen):
        vectors = item_vectors(model, variables, catalogue, (task,))
        found = model.apply(variables, features, train=False)[task]
        if task in vectors:
            return top_k(found[:, 0], vectors[task], k, seen=seen, **masks)
        return top_k_in(found, k, seen=seen, **masks)

    parts = []
    for first in range(0, num_rows(rows), batch_size):
        part = slice(first, first + batch_size)
        features = jax.tree.map(lambda x, p=part: jnp.asarray(x[p]), rows.features)
        seen = None
        if catalogue.seen is not None:
            seen = jnp.asarray(catalogue.seen[rows.groups[part]])
        parts.append(jax.device_get(lists(variables, dict(features), seen)))
    return TopK(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def describe(
    model: nn.Module,
    variables: PyTree,
    dataset: Dataset,
    task: str,
    k: int = 10,
    user: str | None = None,
) -> dict[str, Any]:
    """Lists of the test split: what they are like, and for whom they are right.

    Args:
        model, variables: trained.
        dataset: with a catalogue.
        task: a retrieval task.
        k: length of the lists.
        user: the categorical column of users, for slices by their activity; None: none.

    Returns:
        "lists": coverage, novelty, popularity and Gini index, and diversity by the
        item vectors where the model has any; "slices": metrics of new items, of items
        by decile of their activity in training, and so of users (`activity_slices`).
    """
    rows, catalogue = dataset.test, dataset.catalogues[task]
    found = recommend(model, variables, dataset, rows, task, k)
    where = np.asarray(rows.where[task])
    lists = found.items[where]
    about = {
        "coverage": beyond.catalogue_coverage(lists, catalogue.num_items),
        "novelty": beyond.novelty(lists, catalogue.counts),
        "average_popularity": beyond.average_popularity(lists, catalogue.counts),
        "gini": beyond.gini(lists, catalogue.num_items),
    }
    vectors = item_vectors(model, variables, catalogue, (task,))
    if vectors:
        about["diversity"] = beyond.intra_list_diversity(
            lists, np.asarray(vectors[task])
        )
    ranks = _ranks(model, variables, dataset, task)[where]
    slices = activity_slices(catalogue.counts[rows.labels[task][where]], "item")
    if user is not None:
        column = dataset.schema.names.index(user)
        active = _activity(dataset, task, column)
        ids = rows.features["categorical"][:, column]
        slices |= activity_slices(active[ids][where], "user")
    slices = {"all": np.ones(len(ranks), bool)} | slices
    return {"lists": about, "slices": by_slice(ranks, slices, k)}


def _ranks(
    model: nn.Module, variables: PyTree, dataset: Dataset, task: str
) -> np.ndarray:
    tasks = tuple(one for one in dataset.tasks if one.name == task)
    apply = make_apply(model, None, tasks, dataset.catalogues)
    predict = make_predict(apply, dataset.test, 4096, tasks=tasks)
    return predict(variables)[task]


def _activity(dataset: Dataset, task: str, column: int) -> np.ndarray:
    """Training rows that count, by the ids of a column; none of id 0, the unknown."""
    ids = dataset.train.features["categorical"][:, column]
    size = dataset.schema.cardinalities[column]
    counts = np.bincount(ids[dataset.train.where[task]], minlength=size)
    counts[0] = 0
    return counts
