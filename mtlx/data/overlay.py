"""Two images on one canvas."""

import numpy as np

SHIFT = 8  # of the second image against the first, down and to the right


def overlay(first: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    """Canvases uint8 [N, size, size] of two images each, [N, H, W].

    The nearest pixel of a canvas of side s to place o of the result is
    floor((o + 1/2) s / size), as Pillow's resize takes it.
    """
    height, width = first.shape[1:]
    canvas = np.zeros((len(first), height + SHIFT, width + SHIFT), np.uint8)
    canvas[:, :height, :width] = first
    corner = canvas[:, SHIFT:, SHIFT:]
    np.maximum(corner, second, out=corner)
    rows, columns = (
        ((np.arange(size) + 0.5) * side / size).astype(int) for side in canvas.shape[1:]
    )
    return canvas[:, rows[:, None], columns]
