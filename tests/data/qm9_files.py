"""Molecules by hand, in the form of QM9's raw files."""

import numpy as np

from mtlx.data.builders.qm9_format import COLUMNS, HEADER

# name: atoms (symbol, x, y, z), bonds (first, second, type)
MOLECULES = {
    "methane": (
        [
            ("C", 0.0, 0.0, 0.0),
            ("H", 0.629, 0.629, 0.629),
            ("H", -0.629, -0.629, 0.629),
            ("H", -0.629, 0.629, -0.629),
            ("H", 0.629, -0.629, -0.629),
        ],
        [(1, 2, 1), (1, 3, 1), (1, 4, 1), (1, 5, 1)],
    ),
    "ammonia": (
        [
            ("N", 0.0, 0.0, 0.115),
            ("H", 0.0, 0.94, -0.268),
            ("H", 0.814, -0.47, -0.268),
            ("H", -0.814, -0.47, -0.268),
        ],
        [(1, 2, 1), (1, 3, 1), (1, 4, 1)],
    ),
    "water": (
        [("O", 0.0, 0.0, 0.119), ("H", 0.0, 0.763, -0.477), ("H", 0.0, -0.763, -0.477)],
        [(1, 2, 1), (1, 3, 1)],
    ),
    "hydrogen cyanide": (
        [("C", 0.0, 0.0, 0.0), ("N", 0.0, 0.0, 1.156), ("H", 0.0, 0.0, -1.064)],
        [(1, 2, 3), (1, 3, 1)],
    ),
    "formaldehyde": (
        [
            ("O", 0.0, 0.0, 1.205),
            ("C", 0.0, 0.0, 0.0),
            ("H", 0.0, 0.943, -0.587),
            ("H", 0.0, -0.943, -0.587),
        ],
        [(1, 2, 2), (2, 3, 1), (2, 4, 1)],
    ),
}


def molfile(name, atoms, bonds):
    """The lines of a V2000 molfile, in columns."""
    lines = [name, "  -by hand-", ""]
    lines.append(f"{len(atoms):3}{len(bonds):3}  0  0  0  0  0  0  0  0999 V2000")
    for symbol, *place in atoms:
        where = "".join(f"{x:10.4f}" for x in place)
        lines.append(f"{where} {symbol:<3}" + " 0" + "  0" * 11)
    lines += [f"{one:3}{other:3}{kind:3}  0  0  0  0" for one, other, kind in bonds]
    return "\n".join([*lines, "M  END", "$$$$", ""])


def write_qm9(folder, copies=1, unsure=(), seed=0):
    """Each molecule `copies` times, stretched at random from the second time on.

    Args:
        folder: is made.
        copies: of each molecule.
        unsure: numbers, from 1, of molecules in uncharacterized.txt.
        seed: of the stretching and of the properties.

    Returns:
        Properties by column, [M].
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    text, values = "", []
    for copy in range(copies):
        for atoms, bonds in MOLECULES.values():
            stretch = 1.0 if not copy else rng.uniform(0.9, 1.1)
            placed = [(s, *(stretch * x for x in place)) for s, *place in atoms]
            text += molfile(f"gdb_{len(values) + 1}", placed, bonds)
            values.append(rng.normal(len(atoms), 0.1, len(COLUMNS) - 1).round(6))
    (folder / "gdb9.sdf").write_text(text)
    rows = [",".join(COLUMNS)]
    rows += [f"gdb_{n}," + ",".join(map(str, v)) for n, v in enumerate(values, start=1)]
    (folder / "gdb9.sdf.csv").write_text("\n".join(rows) + "\n")
    lines = [f"text {line}" for line in range(HEADER)]
    lines += [f"{number:6}  CC  O=C  1.2  3.4" for number in unsure] + ["the end"]
    (folder / "uncharacterized.txt").write_text("\n".join(lines) + "\n")
    return dict(zip(COLUMNS[1:], np.array(values).T, strict=True))
