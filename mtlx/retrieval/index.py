"""Approximate search in large catalogues, by faiss."""

import importlib
import warnings
from typing import Any

import numpy as np

from mtlx.retrieval.exact import TopK


class ApproximateIndex:
    """A graph of the items (HNSW) in which a query walks to those of a large q v.

    For serving catalogues that are too large to score whole; figures in tables come
    from `top_k`, which is exact.

    Args:
        items: [I, D] vectors.
        neighbours: links of an item in the graph (M in the paper).
        effort: candidates kept while a query walks; more find more, and take longer.

    Raises:
        ModuleNotFoundError: faiss is not installed.
        ValueError: vectors that are not [I, D] or not finite.

    Reference: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
    search using Hierarchical Navigable Small World graphs", TPAMI 2020.
    """

    def __init__(self, items: np.ndarray, neighbours: int = 32, effort: int = 64):
        items = _vectors(items, "items")
        faiss = _faiss()
        metric = faiss.METRIC_INNER_PRODUCT
        self._index = faiss.IndexHNSWFlat(items.shape[1], neighbours, metric)
        self._index.hnsw.efConstruction = max(effort, 2 * neighbours)
        self._index.hnsw.efSearch = effort
        self._index.add(items)
        self.effort = effort

    def top_k(
        self, queries: np.ndarray, k: int, seen: np.ndarray | None = None
    ) -> TopK:
        """Lists as of `mtlx.retrieval.top_k`, on the host, which may miss items.

        Args:
            queries: [Q, D].
            k: length of the lists.
            seen: [Q, S] items that a query's list leaves out, -1 for none. The graph
                does not know them: k + S are looked up, and those dropped.
        """
        queries = _vectors(queries, "queries")
        wanted = k if seen is None else k + np.shape(seen)[1]
        self._index.hnsw.efSearch = max(self.effort, wanted)
        scores, items = self._index.search(queries, wanted)
        if seen is not None:
            items = np.where((items[:, :, None] == seen[:, None]).any(2), -1, items)
        scores = np.where(items < 0, -np.inf, scores).astype(np.float32)
        order = np.argsort(items < 0, axis=1, kind="stable")[:, :k]
        chosen = (np.take_along_axis(x, order, axis=1) for x in (scores, items))
        scores, items = chosen
        return TopK(scores, items.astype(np.int32))


def _vectors(values: np.ndarray, name: str) -> np.ndarray:
    values = np.ascontiguousarray(values, np.float32)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(
            f"ApproximateIndex: expected finite vectors [N, D] for {name}, found shape "
            f"{values.shape}; a model that diverged has none."
        )
    return values


def _faiss() -> Any:
    try:
        with warnings.catch_warnings():
            # Its bindings are made by an old SWIG, which newer Pythons remark upon.
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module("faiss")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "ApproximateIndex expected the package faiss-cpu, found none. Install it "
            "with pip install 'mtlx[ann]', or use mtlx.retrieval.top_k."
        ) from error
