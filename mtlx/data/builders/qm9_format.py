"""QM9's raw files: V2000 molfiles, a table of properties, a list of the unsure."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtlx.data.errors import DataError

MAX_ATOMS = 29
NUMBERS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}  # atomic numbers
BOND_TYPES = (1, 2, 3, 4)  # single, double, triple, aromatic
COLUMNS = (
    "mol_id,A,B,C,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv,"
    "u0_atom,u298_atom,h298_atom,g298_atom"
).split(",")
HEADER = 9  # lines before the list of uncharacterized.txt
MEND = "Fetch the file again."


class Molecules(NamedTuple):
    """M molecules, padded to 29 atoms with 0."""

    numbers: np.ndarray  # [M, 29] uint8, atomic numbers
    positions: np.ndarray  # [M, 29, 3] float32, in Angstrom
    bonds: np.ndarray  # [M, 29, 29] uint8, type of the bond, 0 for none


def parse_molecules(content: str, path: Path) -> Molecules:
    """The molecules of an .sdf file.

    Of each: three lines of text; the numbers of atoms and of bonds, three columns each,
    in a line that ends in V2000; a line an atom, x y z symbol; a line a bond, first
    atom, second atom, type, three columns each; anything more, to a line $$$$.

    Raises:
        DataError: a line that is not so, an atom beyond H, C, N, O, F, or more than 29.

    Reference: BIOVIA, "CTfile Formats", chapters on the connection table and SDfiles.
    """
    lines, start, found = content.rstrip().splitlines(), 0, []
    while start < len(lines):
        try:
            molecule, start = _read_molecule(lines, start)
        except (ValueError, IndexError, KeyError) as error:
            raise DataError(
                f"{path}, molecule {len(found) + 1}, from line {start + 1}: expected a "
                f"V2000 molfile of at most {MAX_ATOMS} atoms H, C, N, O, F, found "
                f"another text ({type(error).__name__}: {error}). {MEND}"
            ) from error
        found.append(molecule)
    if not found:
        raise DataError(f"{path}: expected molecules, found none. {MEND}")
    return Molecules(*(np.stack(arrays) for arrays in zip(*found, strict=True)))


def _read_molecule(lines: list[str], start: int) -> tuple[Molecules, int]:
    """One molecule, and the line after its end."""
    counts = lines[start + 3]
    if not counts.rstrip().endswith("V2000"):
        raise ValueError(f"line {start + 4} is {counts!r}")
    atoms, bonds = int(counts[:3]), int(counts[3:6])
    if not 1 <= atoms <= MAX_ATOMS:
        raise ValueError(f"{atoms} atoms")
    molecule = Molecules(
        np.zeros(MAX_ATOMS, np.uint8),
        np.zeros((MAX_ATOMS, 3), np.float32),
        np.zeros((MAX_ATOMS, MAX_ATOMS), np.uint8),
    )
    first = start + 4
    for atom, line in enumerate(lines[first : first + atoms]):
        *place, symbol = line.split()[:4]
        molecule.positions[atom] = [float(x) for x in place]
        molecule.numbers[atom] = NUMBERS[symbol]
    for line in lines[first + atoms : first + atoms + bonds]:
        one, other, kind = (int(line[c : c + 3]) for c in (0, 3, 6))
        if not (1 <= one <= atoms and 1 <= other <= atoms and one != other):
            raise ValueError(f"a bond of atoms {one} and {other} of {atoms}")
        if kind not in BOND_TYPES:
            raise ValueError(f"a bond of type {kind}")
        molecule.bonds[one - 1, other - 1] = molecule.bonds[other - 1, one - 1] = kind
    return molecule, lines.index("$$$$", first + atoms + bonds) + 1


def parse_properties(content: str, path: Path) -> dict[str, np.ndarray]:
    """Column -> [M] float64, of a table with the columns `COLUMNS`, names left out.

    Raises:
        DataError: other columns, or a field that is no number.
    """
    header, *rows = content.splitlines() or [""]
    if header.split(",") != COLUMNS:
        raise DataError(
            f"{path}, line 1: expected the columns {', '.join(COLUMNS)}, found "
            f"{header[:60]!r}. {MEND}"
        )
    values = np.empty((len(rows), len(COLUMNS) - 1))
    for number, row in enumerate(rows):
        try:
            values[number] = [float(field) for field in row.split(",")[1:]]
        except ValueError as error:
            raise DataError(
                f"{path}, line {number + 2}: expected a name and {len(COLUMNS) - 1} "
                f"numbers, found {row[:60]!r} ({error}). {MEND}"
            ) from error
    return dict(zip(COLUMNS[1:], values.T, strict=True))


def parse_uncharacterized(content: str, path: Path, molecules: int) -> np.ndarray:
    """Rows, from 0, of the molecules whose relaxed geometry is another molecule.

    After nine lines of text, a line a molecule that begins with its number, from 1; a
    last line of text.

    Raises:
        DataError: a line that does not begin so, or a number that is no molecule's.
    """
    lines, rows = content.splitlines(), []
    for number, line in enumerate(lines[HEADER:], start=HEADER + 1):
        first = (line.split() or [""])[0]
        if not first.isdigit() and number == len(lines):
            break
        if not first.isdigit() or not 1 <= int(first) <= molecules:
            raise DataError(
                f"{path}, line {number}: expected the number of a molecule, 1 to "
                f"{molecules}, found {line[:60]!r}. {MEND}"
            )
        rows.append(int(first) - 1)
    return np.array(rows, np.int64)
