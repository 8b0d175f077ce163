"""Queries in, lists of named items out."""

from typing import Any

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.signature import Signature
from mtlx.serving.lists import item_names, list_names, without_gaps
from mtlx.serving.scorer import SIZES, Run, Scorer


class ListScorer(Scorer):
    """A `Scorer` whose answers are lists of items, by their names in the raw data.

    Args:
        signature: of `mtlx.serving.lists.query_signature`.
        run: of a batch, what `make_lists` makes.
        num_items: of the catalogue.
        sizes: of the batches.
    """

    def __init__(
        self,
        signature: Signature,
        run: Run,
        num_items: int,
        sizes: tuple[int, ...] = SIZES,
    ) -> None:
        super().__init__(signature, run, sizes)
        self._names = item_names(signature, num_items)

    @property
    def answers(self) -> list[str]:
        """See `Scorer`."""
        return list_names(self.signature)

    def __call__(self, columns: Columns) -> dict[str, np.ndarray]:
        """{task: names [N, top], "<task>_score": float32} of N raw rows; a list that
        ends early ends in "", scored -inf.

        Raises:
            DataError: an entry that the preprocessing refuses.
        """
        answers = super().__call__(columns)
        for task in (task.name for task in self.signature.tasks):
            items = answers[task]
            answers[task] = np.where(items < 0, "", self._names[items])
        return answers

    def rows(self, columns: Columns) -> list[dict[str, Any]]:
        """See `Scorer`; a list that ends early is shorter."""
        rows = super().rows(columns)
        for row in rows:
            for task in (task.name for task in self.signature.tasks):
                score = f"{task}_score"
                row[task], row[score] = without_gaps(row[task], row[score])
        return rows
