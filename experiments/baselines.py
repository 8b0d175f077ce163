"""Rows that papers leave out: scikit-learn on the same rows, one model a task.

scikit-learn is an optional dependency: `pip install mtlx[reproduce]`.
"""

import numpy as np

from mtlx.data.dataset import Dataset
from mtlx.metrics import evaluate
from mtlx.types import Batch

Scores = dict[str, dict[str, float]]


def logistic_regression(data: Dataset, inverse_penalty: float = 0.3) -> Scores:
    """A linear model on one-hot categories and standardised numbers, no seed.

    Args:
        data: binary tasks on categorical and numerical columns.
        inverse_penalty: scikit-learn's C.

    Returns:
        The metrics of every task on the test split.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(handle_unknown="ignore")
    encoder.fit(_categories(data.train))

    def columns(batch):
        from scipy import sparse

        blocks = [encoder.transform(_categories(batch)), _numbers(batch)]
        return sparse.hstack(blocks, format="csr")

    def make():
        return LogisticRegression(C=inverse_penalty, max_iter=1000)

    return _scores(data, columns, make)


def gradient_boosting(
    data: Dataset,
    seed: int = 0,
    max_iter: int = 400,
    max_leaf_nodes: int = 31,
    learning_rate: float = 0.08,
) -> Scores:
    """Histogram gradient boosting, stopped early on a tenth of the training rows.

    Categories of up to 255 values are split as categories, others by their ids.

    Args:
        data: binary tasks on categorical and numerical columns.
        seed: draws that tenth.
        max_iter, max_leaf_nodes, learning_rate: scikit-learn's.

    Returns:
        The metrics of every task on the test split.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    ids = _categories(data.train)
    few = np.asarray(ids).max(axis=0) < 255
    mask = np.concatenate([few, np.zeros(_numbers(data.train).shape[1], bool)])

    def columns(batch):
        return np.concatenate([_categories(batch), _numbers(batch)], axis=1)

    def make():
        return HistGradientBoostingClassifier(
            max_iter=max_iter,
            max_leaf_nodes=max_leaf_nodes,
            learning_rate=learning_rate,
            early_stopping=True,
            categorical_features=mask,
            random_state=seed,
        )

    return _scores(data, columns, make)


def _scores(data: Dataset, columns, make) -> Scores:
    train, test, outputs = columns(data.train), columns(data.test), {}
    for task in data.tasks:
        if task.kind != "binary":
            raise ValueError(
                f"Expected binary tasks, found {task.name!r} of kind {task.kind!r}."
            )
        rows = np.asarray(data.train.where[task.name])
        labels = np.asarray(data.train.labels[task.name])[rows]
        outputs[task.name] = make().fit(train[rows], labels).decision_function(test)
    return evaluate(data.tasks, outputs, data.test.labels, data.test.where)


def _categories(batch: Batch) -> np.ndarray:
    return np.asarray(batch.features["categorical"])


def _numbers(batch: Batch) -> np.ndarray:
    return np.asarray(batch.features["numerical"])
