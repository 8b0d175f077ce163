"""What a task is: its kind of label, its loss, its metrics, and the rows it covers."""

import dataclasses
from collections.abc import Callable, Sequence

from mtlx import listwise, losses, pixel_losses, retrieval_losses, ziln

LOSSES: dict[str, Callable] = {
    "binary": losses.binary_cross_entropy,
    "regression": losses.squared_error,
    "vector": losses.mean_squared_error,
    "multiclass": losses.categorical_cross_entropy,
    "multilabel": losses.multilabel_cross_entropy,
    "ziln": ziln.ziln_loss,
    "ranking": listwise.softmax,
    "segmentation": pixel_losses.pixel_cross_entropy,
    "depth": pixel_losses.pixel_absolute_error,
    "normals": pixel_losses.pixel_cosine,
    "retrieval": retrieval_losses.softmax_over_items,
}
METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("auc", "log_loss", "accuracy"),
    "regression": ("rmse", "mae"),
    "vector": ("vector_rmse", "vector_mae"),
    "multiclass": ("accuracy", "log_loss"),
    "multilabel": ("macro_auc", "micro_auc", "macro_ap", "lrap"),
    "ziln": ("ziln_gini", "ziln_rmse"),
    "ranking": ("list_ndcg", "list_ndcg_10"),
    "segmentation": ("miou", "pixel_accuracy"),
    "depth": ("abs_error", "rel_error"),
    "normals": ("mean_angle", "median_angle", "within_11", "within_22", "within_30"),
    "retrieval": ("recall@10", "ndcg@10", "hit_rate@10", "mrr"),
}
# Kinds that state num_classes.
CLASSIFYING = ("multiclass", "multilabel", "segmentation")
OUTPUTS = {"ziln": ziln.OUTPUTS, "normals": 3}  # of kinds with more than one a row


@dataclasses.dataclass(frozen=True)
class Task:
    """One prediction task.

    Args:
        name: how the task is called in models, tables and logs.
        kind: "binary" (logit, label 0 or 1), "regression" (value), "vector"
            (`num_values` values and labels), "multiclass" (`num_classes` logits, label
            0 .. num_classes - 1), "multilabel" (`num_classes` logits and labels 0 or 1,
            -1 is none), "ziln" (three outputs, see `mtlx.ziln`, label an amount of 0 or
            more) or "ranking" (a score, label
            a gain of 0 or more; rows are compared within a group). With a label a pixel
            (`mtlx.types.PIXEL_KINDS`): "segmentation" (`num_classes` logits, a label
            below 0 is none), "depth" (value above 0, NaN is none) or "normals" (a
            vector of any length, labels of length 1, NaN is none). "retrieval": the
            item of the row, found among all of its `Dataset.catalogues`; the label is
            its number.
        label: name of the label column; None means `name`.
        space: name of a 0/1 column that is 1 for the rows in the task's sample space
            (e.g. clicked impressions for a conversion task); None means every row.
        num_classes: number of classes of a multiclass or segmentation task, of labels
            of a multilabel task (2 or more: one alone is a binary task).
        num_values: of the values of a vector task (2 or more: one alone is a
            regression task).
        loss: per-example loss `(outputs, labels) -> [B]`; None means the kind's own:
            sigmoid cross-entropy (its mean over the labels), squared error (its
            mean over the values), softmax cross-entropy, zero-inflated log-normal
            likelihood, absolute error, cosine.
            Of a ranking task it is one of `mtlx.listwise`, softmax by default, which
            needs Rax; of a retrieval task `(outputs, items, where, gather)`, see
            `mtlx.retrieval_losses`.
        metrics: names from `mtlx.metrics.METRICS`; the first is the headline metric,
            shown in tables and used for model selection. () means the kind's own.
        unit: of a regression task whose labels are (y - c) / unit: above 0, what
            `mtlx.metrics.evaluate` multiplies rmse and mae with, for those of y.

    Raises:
        ValueError: an unknown kind, or a number of classes or values that does not fit
            the kind.
    """

    name: str
    kind: str
    label: str | None = None
    space: str | None = None
    num_classes: int | None = None
    loss: Callable | None = None
    unit: float = 1.0
    metrics: Sequence[str] = ()
    num_values: int | None = None

    def __post_init__(self):
        if self.kind not in LOSSES:
            raise ValueError(
                f"Task {self.name!r}: expected kind to be one of {sorted(LOSSES)}, "
                f"found {self.kind!r}."
            )
        if (self.kind in CLASSIFYING) != (self.num_classes is not None):
            raise ValueError(
                f"Task {self.name!r}: a multiclass, multilabel or segmentation task "
                f"states num_classes and no other kind does; found kind {self.kind!r} "
                f"with num_classes={self.num_classes}."
            )
        if (self.kind == "vector") != (self.num_values is not None) or (
            self.kind == "vector" and self.num_values < 2
        ):
            raise ValueError(
                f"Task {self.name!r}: a vector task states num_values, 2 or more, and "
                f"no other kind does; found kind {self.kind!r} with "
                f"num_values={self.num_values}. One value alone is a regression task."
            )
        if self.kind == "multilabel" and self.num_classes < 2:
            raise ValueError(
                f"Task {self.name!r}: expected num_classes >= 2 for a multilabel task, "
                f"found {self.num_classes}; one label alone is a binary task."
            )
        if self.unit != 1.0 and not (self.kind == "regression" and self.unit > 0):
            raise ValueError(
                f"Task {self.name!r}: expected a unit above 0, and of a regression "
                f"task alone, found unit={self.unit} and kind {self.kind!r}."
            )
        object.__setattr__(self, "label", self.label or self.name)
        object.__setattr__(self, "loss", self.loss or LOSSES[self.kind])
        metrics = tuple(self.metrics) or METRICS[self.kind]
        object.__setattr__(self, "metrics", metrics)

    @property
    def listwise(self) -> bool:
        """Whether the loss is of lists: (outputs, labels, where, groups)."""
        return self.kind == "ranking"

    @property
    def outputs(self) -> int:
        """Number of outputs that a model's tower has for this task; 0: no tower."""
        if self.kind == "retrieval":
            return 0
        return self.num_classes or self.num_values or OUTPUTS.get(self.kind, 1)
