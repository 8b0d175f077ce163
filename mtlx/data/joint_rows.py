"""Training rows of several data sets, and by which rule they take turns."""

from typing import NamedTuple

import numpy as np

from mtlx.types import Batch

RULES = ("round_robin", "proportional", "temperature")
MIXES = ("step", "batch")


class JointRows(NamedTuple):
    """The training splits that a joint data set draws batches from, see `joint`."""

    splits: tuple[Batch, ...]
    rule: str
    temperature: float
    mix: str
    batch_sizes: tuple[int, ...] | None
    steps_per_epoch: int | None


def sampling_shares(
    sizes: tuple[int, ...], rule: str, temperature: float = 1.0
) -> np.ndarray:
    """How often each data set has its turn: p_i ~ n_i^(1 / tau), of sum 1.

    Args:
        sizes: n, numbers of rows.
        rule: "temperature"; "proportional" is tau = 1, "round_robin" tau = infinity.
        temperature: tau >= 1.

    Raises:
        ValueError: an unknown rule, or a temperature below 1.

    Reference: Devlin's multilingual BERT (2018) for the exponent; Aharoni et al.,
    "Massively Multilingual Neural Machine Translation in the Wild", 2019, for tau.

    >>> sampling_shares((100, 400), "temperature", 2.0).round(3).tolist()
    [0.333, 0.667]
    """
    if rule not in RULES:
        raise ValueError(f"Expected rule to be one of {RULES}, found {rule!r}.")
    if temperature < 1.0:
        raise ValueError(
            f"Expected temperature >= 1 (1 is proportional to the rows, large is even),"
            f" found {temperature}."
        )
    exponent = {"round_robin": 0.0, "proportional": 1.0}.get(rule, 1.0 / temperature)
    weights = np.asarray(sizes, np.float64) ** exponent
    return weights / weights.sum()


def divide(rows: int, shares: np.ndarray) -> tuple[int, ...]:
    """Whole numbers of sum `rows`, at least one each, as near to the shares as that is.

    Args:
        rows: at least as many as there are shares.
        shares: of sum 1.

    >>> divide(10, np.array([0.9, 0.06, 0.04]))
    (8, 1, 1)
    """
    wanted = np.maximum(shares * rows, 1.0)
    parts = np.floor(wanted).astype(int)
    while parts.sum() > rows:
        parts[np.argmax(np.where(parts > 1, parts - wanted, -np.inf))] -= 1
    while parts.sum() < rows:
        parts[np.argmax(wanted - parts)] += 1
    return tuple(parts.tolist())
