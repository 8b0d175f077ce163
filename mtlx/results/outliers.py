"""Values so far from the rest that an axis that shows them shows nothing else."""

import numpy as np

FAR = 10.0  # interquartile ranges beyond the middle half of the values
FEWEST = 8  # values of which a middle half says something


def far_values(values: np.ndarray) -> np.ndarray:
    """[N] bool: which of the values lie far outside the middle half of them.

    Args:
        values: [N] finite or NaN; NaN is not far.
    """
    known = values[~np.isnan(values)]
    if len(known) < FEWEST:
        return np.zeros(len(values), bool)
    low, high = np.percentile(known, [25, 75])
    reach = FAR * (high - low) or np.inf  # half of them equal: no measure of far
    with np.errstate(invalid="ignore"):
        return (values < low - reach) | (values > high + reach)


def show_far(axis, values: np.ndarray, half_widths: np.ndarray, y: np.ndarray) -> None:
    """Cuts the axis to the other values; at its edge, where the far ones are.

    Args:
        axis: a Matplotlib axis with a dot for each value.
        values, half_widths: [N] of the dots.
        y: [N] their places.
    """
    far = far_values(values)
    if not far.any():
        return
    widths = np.nan_to_num(half_widths[~far])
    low = np.nanmin(values[~far] - widths)
    high = np.nanmax(values[~far] + widths)
    margin = 0.12 * (high - low)
    axis.set_xlim(low - margin, high + margin)
    for value, place in zip(values[far], y[far], strict=True):
        left = value < low
        axis.annotate(
            f"◂ {value:.4g}" if left else f"{value:.4g} ▸",
            (0.0 if left else 1.0, place),
            xycoords=("axes fraction", "data"),
            ha="left" if left else "right",
            va="center",
            fontsize=8,
        )
