"""What a metric reads of outputs, labels and mask: the rows that count, and checks."""

import numpy as np


def counted(outputs, labels, where) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and labels of the rows that count, in float64.

    Raises:
        ValueError: not one output, label and mask a row.
    """
    outputs, labels, where = (np.asarray(x) for x in (outputs, labels, where))
    rows = (outputs.shape[:1], labels.shape, where.shape)
    if len(set(rows)) > 1 or labels.ndim != 1:
        raise ValueError(
            "expected one output, label and mask a row, found shapes "
            f"{outputs.shape}, {labels.shape}, {where.shape}; pass [B] or [B, C] "
            "outputs with [B] labels and [B] mask."
        )
    where = where.astype(bool)
    return outputs[where].astype(np.float64), labels[where].astype(np.float64)


def one_output(outputs: np.ndarray) -> None:
    """Refuses several outputs a row.

    Raises:
        ValueError: outputs that are not [B].
    """
    if outputs.ndim != 1:
        raise ValueError(
            f"expected outputs of shape [B], found {outputs.shape} counted values; "
            "multiclass tasks have 'accuracy' and 'log_loss'."
        )


def positive(labels: np.ndarray) -> np.ndarray:
    """Labels 0 and 1 as booleans; anything else is refused.

    Raises:
        ValueError: another label.
    """
    strange = labels[(labels != 0) & (labels != 1)]
    if strange.size:
        raise ValueError(
            f"expected labels 0 and 1, found {strange[0]:g}; mask rows without a label."
        )
    return labels == 1


def class_numbers(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Labels 0 .. C - 1 as indices; anything else is refused.

    Raises:
        ValueError: another label.
    """
    strange = labels[~np.isin(labels, np.arange(num_classes))]
    if strange.size:
        raise ValueError(
            f"expected labels 0 .. {num_classes - 1}, found {strange[0]:g}; mask rows "
            "without a label, or give the task more classes."
        )
    return labels.astype(np.int64)


def amounts(labels: np.ndarray) -> np.ndarray:
    """Labels that are amounts, unchanged; one below 0 is refused.

    Raises:
        ValueError: a label below 0.
    """
    if labels.size and labels.min() < 0:
        raise ValueError(
            f"expected labels of 0 or more, found {labels.min():g}; mask those rows, "
            "or choose another metric."
        )
    return labels
