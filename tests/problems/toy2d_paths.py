"""Runs every method of the reference tables: python tests/problems/toy2d_paths.py FILE

In a process of its own, since it is about the program that users run: at the lower
optimisation level of the tests it rounds otherwise, and near the tie of the two losses
and along the flat front rounding moves the end points by more than their tolerance.
"""

import sys

import numpy as np

from experiments import toy_reference
from experiments.toy_runs import SETTINGS, run_toy2d

REFERENCES = {"nash": toy_reference.NASH, "cagrad": toy_reference.CAGRAD}
CASES = [(key, name) for key, table in REFERENCES.items() for name in table]


def main() -> None:
    """Writes x and distance of every path."""
    arrays = {}
    for key, name in CASES:
        path = run_toy2d(SETTINGS[key], name)
        for field, values in path._asdict().items():
            arrays[f"{key}/{name}/{field}"] = values
    np.savez(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()
