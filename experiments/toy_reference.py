"""Known end points of the two-dimensional toy, to hold ours against.

An independent calculation in NumPy, float64 throughout, with the closed forms for two
tasks; Adam, learning rate 1e-3. `NASH`: f_1 x 0.1, 50,000 steps from `NASH_STARTS`;
`CAGRAD`: 100,000 steps from `CAGRAD_STARTS`.
"""

from typing import NamedTuple


class End(NamedTuple):
    """Where a run ended, and how surely it must end there again.

    firm: to 0.05, at the end. arrives: where the run first met the front, to 0.05;
    there the direction vanishes, and what follows is rounding: a float32 Gram matrix
    makes Adam walk slowly along the front. stuck: in a log-valley, whose floor is
    narrower than a step: to 0.2. late: still on its way or just there, to 1; when it
    leaves a valley hangs on rounding. loose: somewhere on the
    front; the float64 calculations differ among themselves, or hang on rounding.
    """

    x: tuple[float, float]
    how: str = "firm"


OPTIMUM = End((-5.727, -8.409))
NASH = {
    "equal": (
        OPTIMUM._replace(how="late"),
        OPTIMUM,
        End((5.00, 3.87), "stuck"),
        OPTIMUM,
        OPTIMUM,
    ),
    "mgda": (
        End((-1.98, -8.36), "arrives"),
        End((6.10, -8.42), "arrives"),
        End((6.98, -8.43), "arrives"),
        End((-4.26, -8.39), "arrives"),
        End((7.00, -8.43), "arrives"),
    ),
    "pcgrad": (
        End((-4.39, -8.39), "loose"),
        End((-3.35, -8.37), "arrives"),
        End((6.98, 0.00), "late"),
        End((-3.82, -8.38), "arrives"),
        End((5.03, -8.40), "arrives"),
    ),
    "cagrad": (OPTIMUM, OPTIMUM, End((6.32, 0.38), "late"), OPTIMUM, OPTIMUM),
    "imtl_g": (
        End((-2.19, -8.36), "arrives"),  # -2.19 in two calculations, -2.23 in one
        End((0.00, -8.355), "arrives"),
        End((2.43, -8.37), "arrives"),
        End((-3.39, -8.38), "arrives"),
        End((5.30, -8.40), "arrives"),
    ),
    "nash_mtl": (
        End((-2.93, -8.37), "arrives"),
        End((0.00, -8.355), "arrives"),
        End((2.94, -8.37), "arrives"),
        End((-3.29, -8.37), "arrives"),
        End((4.90, -8.40), "arrives"),
    ),
    "aligned_mtl": (
        OPTIMUM,
        OPTIMUM,
        End((-4.31, -8.39), "loose"),
        OPTIMUM,
        End((-4.58, -8.39), "loose"),
    ),
    "famo": (
        End((-0.31, -8.35)),
        End((0.08, -8.36)),
        End((0.36, -8.36)),
        End((-0.95, -8.35)),
        End((1.75, -8.37)),
    ),
}
CENTRE = End((0.0, -8.355))
CAGRAD = {
    "equal": (End((-5.05, 2.15), "stuck"), CENTRE, End((5.04, 2.31), "stuck")),
    "mgda": (
        End((-3.32, -8.37), "arrives"),
        End((-6.99, -8.43), "arrives"),
        End((3.33, -8.37), "arrives"),
    ),
    "pcgrad": (
        End((-3.36, -8.37), "loose"),
        End((-6.45, -8.42), "loose"),
        End((2.12, -8.36), "loose"),
    ),
    "cagrad": (CENTRE, CENTRE, CENTRE),
}
TOLERANCES = {"firm": 0.05, "arrives": 0.05, "stuck": 0.2, "late": 1.0}
ON_FRONT = 0.05  # distance that counts as being there, for "loose"
MET = 0.02  # distance that counts as having met the front
