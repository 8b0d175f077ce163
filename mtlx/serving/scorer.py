"""Raw rows in, answers out, in batches of few shapes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.signature import Signature
from mtlx.serving.answers import answer_names

Features = Mapping[str, np.ndarray]
Run = Callable[[Features], Mapping[str, Any]]
SIZES = (1, 8, 64, 512)


class Scorer:
    """Answers for rows, whatever their number, by programs of few batch sizes.

    Rows are cut into batches of the largest size; what is left over is filled up, with
    repeats of its first row, to the smallest size that holds it. So no call compiles
    anything once `warm_up` ran each size.

    Args:
        signature: of the model; its preprocessing makes features of raw columns.
        run: features of one batch -> {task: answers}, compiled for each batch size.
        sizes: of the batches.

    Raises:
        ValueError: no size, or one below 1.
    """

    def __init__(
        self, signature: Signature, run: Run, sizes: tuple[int, ...] = SIZES
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise ValueError(
                f"Expected sizes of batches, each >= 1, found {sizes}. Mend sizes."
            )
        self.signature, self.run, self.sizes = signature, run, tuple(sorted(set(sizes)))

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds (`mtlx.data.raw_rows`)."""
        return self.signature.preprocessing.kinds

    @property
    def answers(self) -> list[str]:
        """The names of what `run` gives, in order."""
        return answer_names(self.signature.tasks)

    def __call__(self, columns: Columns) -> dict[str, np.ndarray]:
        """{answer: [N, ..] float32} of N raw rows (`make_answer`).

        Raises:
            DataError: an entry that the preprocessing refuses.
        """
        return self.score(self.signature.preprocessing.encode(columns))

    def rows(self, columns: Columns) -> list[dict[str, Any]]:
        """The same, row by row, as JSON holds it."""
        answers = {name: x.tolist() for name, x in self(columns).items()}
        rows = zip(*answers.values(), strict=True)
        return [dict(zip(answers, row, strict=True)) for row in rows]

    def score(self, features: Features) -> dict[str, np.ndarray]:
        """The same of N rows of features."""
        rows = len(next(iter(features.values())))
        parts = [
            jax.tree.map(lambda x, n=stop - start: np.asarray(x)[:n], dict(answers))
            for start, stop, size in self._cut(rows)
            if (answers := self.run(_filled(features, start, stop, size)))
        ]
        return {n: np.concatenate([p[n] for p in parts]) for n in self.answers}

    def warm_up(self) -> None:
        """Compiles the program of each size."""
        for size in self.sizes:
            features = {
                name: np.zeros((size, *shape), dtype)
                for name, (shape, dtype) in self.signature.shapes().items()
            }
            jax.block_until_ready(self.run(features))

    def _cut(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """(first row, row after the last, size of the batch)."""
        most = self.sizes[-1]
        for start in range(0, rows, most):
            stop = min(start + most, rows)
            yield start, stop, next(s for s in self.sizes if s >= stop - start)


def _filled(features: Features, start: int, stop: int, size: int) -> Features:
    index = np.full(size, start)
    index[: stop - start] = np.arange(start, stop)
    return {name: column[index] for name, column in features.items()}
