"""States of the metrics of tasks with a label a pixel; `mtlx.metrics` names them.

All are over the labelled pixels of the whole split, on the host in float64. States add
up, but for the angles themselves, whose median needs them all.
"""

import math

import numpy as np


def measure_confusion(outputs, labels, where) -> np.ndarray:
    """[C, C] pixels of class i that were taken for class j; NaN of a NaN output.

    Args:
        outputs: [B, H, W, C] logits.
        labels: [B, H, W] classes; below 0 for none.
        where: [B] rows that count.
    """
    outputs, labels = _rows(outputs, labels, where, channels=True)
    known = labels >= 0
    outputs, labels = outputs[known], labels[known].astype(np.int64)
    classes = outputs.shape[-1]
    if labels.size and labels.max() >= classes:
        raise ValueError(
            f"expected labels below {classes}, found {labels.max()}; give the task "
            f"more classes, or unlabelled pixels -1."
        )
    if np.isnan(outputs).any():
        return np.full((classes, classes), np.nan)
    pairs = labels * classes + outputs.argmax(axis=-1)
    counts = np.bincount(pairs, minlength=classes**2)
    return counts.reshape(classes, classes).astype(np.float64)


def mean_iou(confusion: np.ndarray) -> float:
    """Mean over classes of n_ii / (n_i. + n_.i - n_ii).

    A class that neither labels nor predictions have is left out.
    """
    hits = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    present = union != 0
    return float(np.mean(hits[present] / union[present])) if present.any() else math.nan


def pixel_accuracy(confusion: np.ndarray) -> float:
    """Share of the pixels on the diagonal."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else math.nan


def measure_absolute(outputs, labels, where) -> np.ndarray:
    """(sum of |x - y|, number of pixels); outputs and labels [B, H, W], NaN: none."""
    return _summed(np.abs(np.subtract(*_numbers(outputs, labels, where))))


def measure_relative(outputs, labels, where) -> np.ndarray:
    """(sum of |x - y| / y, number of pixels), y > 0."""
    outputs, labels = _numbers(outputs, labels, where)
    if labels.size and labels.min() <= 0:
        raise ValueError(
            f"expected depths above 0, found {labels.min():g}; unlabelled pixels are "
            f"NaN."
        )
    return _summed(np.abs(outputs - labels) / labels)


def measure_angles(outputs, labels, where) -> np.ndarray:
    """[n] angles in degrees between x and y, of n pixels; both [B, H, W, 3]."""
    outputs, labels = _rows(outputs, labels, where, channels=False)
    known = np.isfinite(labels).all(axis=-1)
    x, y = outputs[known], labels[known]
    lengths = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    cosine = np.sum(x * y, axis=-1) / np.maximum(lengths, 1e-12)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def measure_angle(outputs, labels, where) -> np.ndarray:
    """(sum of the angles, number of pixels)."""
    return _summed(measure_angles(outputs, labels, where))


def measure_within(degrees: float):
    """The measure (pixels whose angle is below `degrees`, number of pixels)."""

    def measure(outputs, labels, where):
        angles = measure_angles(outputs, labels, where)
        return _summed(np.where(np.isnan(angles), np.nan, angles < degrees))

    return measure


def mean_of(state: np.ndarray) -> float:
    """total / count."""
    total, count = state
    return float(total / count) if count else math.nan


def median_of(values: np.ndarray) -> float:
    """The median of all; NaN without any."""
    return float(np.median(values)) if values.size else math.nan


def concatenate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Both; sorted, so that the order of merging does not show."""
    return np.sort(np.concatenate([a, b]))


def _summed(values: np.ndarray) -> np.ndarray:
    return np.array([values.sum(), values.size], np.float64)


def _numbers(outputs, labels, where) -> tuple[np.ndarray, np.ndarray]:
    outputs, labels = _rows(outputs, labels, where, channels=False)
    known = np.isfinite(labels)
    return outputs[known], labels[known]


def _rows(outputs, labels, where, channels: bool) -> tuple[np.ndarray, np.ndarray]:
    """The rows that count, in float64."""
    outputs, labels, where = (np.asarray(x) for x in (outputs, labels, where))
    places = outputs.shape[:-1] if channels else outputs.shape
    if labels.ndim < 3 or places != labels.shape or labels.shape[:1] != where.shape:
        raise ValueError(
            "expected one output and label a pixel and one mask a row, found shapes "
            f"{outputs.shape}, {labels.shape}, {where.shape}; this metric is one of "
            "tasks with a label a pixel."
        )
    where = where.astype(bool)
    return outputs[where].astype(np.float64), labels[where].astype(np.float64)
