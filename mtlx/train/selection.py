"""Model selection: which epoch of a run is kept."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtlx import metrics
from mtlx.tasks import Task
from mtlx.types import PyTree

Scores = dict[str, dict[str, float]]
KEEP = ("best", "best_mean", "last")


def relative_score(tasks: tuple[Task, ...], scores: Scores, first: Scores) -> float:
    """Mean relative gain of the tasks' headline metrics over the first epoch.

    (1/T) sum_t s_t (M_t - M_t^1) / |M_t^1|, with s_t = +1 where higher is better and -1
    otherwise. Being relative it can add an AUC to an RMSE. Tasks whose metric is NaN
    (one class only, no rows) are left out; NaN if all are.
    """
    gains = []
    for task in tasks:
        headline = task.metrics[0]
        sign = 1.0 if metrics.METRICS[headline].higher_is_better else -1.0
        now, then = scores[task.name][headline], first[task.name][headline]
        gains.append(sign * (now - then) / max(abs(then), 1e-12))
    gains = np.array(gains)
    return (
        float(np.mean(gains[~np.isnan(gains)])) if not np.isnan(gains).all() else np.nan
    )


def mean_score(tasks: tuple[Task, ...], scores: Scores) -> float:
    """(1/T) sum_t s_t M_t of the headline metrics; NaN values are left out.

    Fit for tasks with one metric on one scale, also where it can be 0 after the first
    epoch (F1 of a rare class), of which `relative_score` makes everything.
    """
    signed = []
    for task in tasks:
        better = metrics.METRICS[task.metrics[0]].higher_is_better
        signed.append((1 if better else -1) * scores[task.name][task.metrics[0]])
    signed = np.array(signed)
    return (
        float(np.mean(signed[~np.isnan(signed)]))
        if not np.isnan(signed).all()
        else np.nan
    )


class Selection(NamedTuple):
    """The best epoch so far, by `relative_score` on the validation split.

    Tasks that are scored and not trained (`untrained`) have no say in it. `keep` is
    "best", "best_mean" for `mean_score` in its place, or "last" where the number of
    epochs is fixed beforehand and the validation split may select nothing.
    """

    tasks: tuple[Task, ...]
    variables: PyTree
    epoch: int = 0  # counted from 1; 0: none yet
    score: float = -np.inf
    scores: Scores = {}
    first: Scores = {}
    keep: str = "best"
    untrained: tuple[str, ...] = ()

    @classmethod
    def start(
        cls,
        tasks: tuple[Task, ...],
        variables: PyTree,
        keep: str = "best",
        untrained: tuple[str, ...] = (),
    ) -> "Selection":
        """Nothing kept yet.

        Raises:
            ValueError: another `keep`.
        """
        if keep not in KEEP:
            raise ValueError(
                f"Expected keep to be one of {KEEP}, found {keep!r}. Mend trainer.keep."
            )
        kept = variables and _copy(variables)
        return cls(tasks, kept, keep=keep, untrained=untrained)

    def update(self, epoch: int, scores: Scores, variables: PyTree) -> "Selection":
        """The selection after an epoch; an earlier epoch wins a tie."""
        first = self.first or scores
        judged = tuple(t for t in self.tasks if t.name not in self.untrained)
        mean = self.keep == "best_mean"
        score = (
            mean_score(judged, scores)
            if mean
            else relative_score(judged, scores, first)
        )
        if self.keep != "last" and self.epoch and not score > self.score:
            return self
        return self._replace(
            variables=_copy(variables),
            epoch=epoch,
            score=score,
            scores=scores,
            first=first,
        )

    def exhausted(self, epoch: int, patience: int | None) -> bool:
        """Whether `patience` epochs went by without a better score."""
        return patience is not None and epoch - self.epoch >= patience

    def record(self) -> dict[str, Any]:
        """All but the arrays, for a JSON file."""
        record = self._asdict()
        return {k: record[k] for k in ("epoch", "score", "scores", "first")}

    def restored(self, variables: PyTree, record: dict[str, Any]) -> "Selection":
        """The selection whose `record` it was, of the same tasks and rule."""
        return self._replace(variables=variables, **record)


def _copy(variables: PyTree) -> PyTree:
    # The training state is donated to the next chunk: a kept epoch needs its own.
    return jax.tree.map(jnp.copy, variables)
