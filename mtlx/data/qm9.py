"""QM9: eleven quantum-chemical properties of 130,831 small molecules."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.prepared_arrays import prepared_arrays
from mtlx.data.builders.prepared_arrow import find_raw
from mtlx.data.builders.qm9_format import (
    NUMBERS,
    parse_molecules,
    parse_properties,
    parse_uncharacterized,
)
from mtlx.data.dataset import Dataset
from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import task_names
from mtlx.data.raw_files import read_file
from mtlx.tasks import Task
from mtlx.types import Batch, Field, Schema

HARTREE, KCAL_MOL = 27211.386246, 43.36414  # in meV
TASKS = {  # task -> (column of the table, what it is multiplied with)
    "mu": ("mu", 1.0),  # debye
    "alpha": ("alpha", 1.0),  # a_0^3
    "HOMO": ("homo", HARTREE),
    "LUMO": ("lumo", HARTREE),
    "R2": ("r2", 1.0),  # a_0^2
    "ZPVE": ("zpve", HARTREE),
    "U0": ("u0_atom", KCAL_MOL),
    "U": ("u298_atom", KCAL_MOL),
    "H": ("h298_atom", KCAL_MOL),
    "G": ("g298_atom", KCAL_MOL),
    "c_v": ("cv", 1.0),  # cal / (mol K)
}
FILES = ("gdb9.sdf", "gdb9.sdf.csv", "uncharacterized.txt")
VERSION = "1.0.0"
FEATURES = len(NUMBERS) + 2


def qm9(
    tasks: Sequence[str] | None = None,
    validation_rows: int = 10_000,
    test_rows: int = 10_000,
    split_seed: int = 0,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Properties of molecules of up to nine atoms C, N, O, F and their hydrogens.

    Labels are (y - mean) / std over the training rows; metrics are in the units of y
    (`Task.unit`): debye, a_0^3, a_0^2, cal / (mol K), and meV of all energies. U0, U, H
    and G are those of atomisation. 3,054 molecules that the publishers could not
    characterise are left out.

    Args:
        tasks: from "mu", "alpha", "HOMO", "LUMO", "R2", "ZPVE", "U0", "U", "H", "G",
            "c_v"; None means all.
        validation_rows, test_rows: drawn at random; the rest is the training split.
        split_seed: of the draw.
        data_dir: folder that holds qm9/raw/ (or qm9/) with gdb9.sdf, gdb9.sdf.csv and
            uncharacterized.txt, plain or with .gz, or the files themselves. None means
            the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the fields, padded to 29 atoms, "atoms" [B, 29, 7] uint8 (which
        of H, C, N, O, F, the atomic number, the number of bonded hydrogens),
        "positions" [B, 29, 3] float32 in Angstrom, and "bonds" [B, 29, 29] uint8 (0
        none, 1 single, 2 double, 3 triple, 4 aromatic). Needs `encoder=graph/mpnn`.

    Raises:
        DataError: a file is not there, or not as it should be.
        ValueError: an unknown or repeated task, or none; splits that leave no rows.

    Reference: Ramakrishnan et al., "Quantum chemistry structures and properties of 134
    kilo molecules", Scientific Data 2014; files of Wu et al., "MoleculeNet", 2018.
    Tasks, units and split sizes are those of Navon et al., "Multi-Task Learning as a
    Bargaining Game", ICML 2022, by way of PyTorch Geometric. Its four further atom
    features (aromatic, sp, sp2, sp3) are 0 for every atom there, and left out.
    """
    chosen = task_names("qm9", tuple(TASKS) if tasks is None else tasks, TASKS)
    arrays = _prepared(data_dir, cache_dir)
    rows = len(arrays["numbers"])
    order = np.random.default_rng(split_seed).permutation(rows)
    if min(validation_rows, test_rows) < 1 or validation_rows + test_rows >= rows:
        raise ValueError(
            f"qm9: expected validation_rows and test_rows of at least 1 that leave "
            f"training rows of {rows}, found {validation_rows} and {test_rows}."
        )
    first, second = test_rows, test_rows + validation_rows
    splits = {
        "train": order[second:],
        "validation": order[first:second],
        "test": order[:first],
    }
    targets = {task: arrays[TASKS[task][0]] * TASKS[task][1] for task in chosen}
    fitted = {task: _fit(task, y[splits["train"]]) for task, y in targets.items()}
    labels = {
        task: ((y - fitted[task][0]) / fitted[task][1]).astype(np.float32)
        for task, y in targets.items()
    }
    features = {
        "atoms": atom_features(arrays["numbers"], arrays["bonds"]),
        "positions": arrays["positions"],
        "bonds": arrays["bonds"],
    }
    metrics = ("mae", "rmse")
    return Dataset(
        "qm9",
        tuple(
            Task(task, "regression", metrics=metrics, unit=fitted[task][1])
            for task in chosen
        ),
        Schema(
            fields=tuple(Field(n, "graph", x.shape[1:]) for n, x in features.items())
        ),
        *(_batch(features, labels, part) for part in splits.values()),
        notes=(f"qm9: {rows} molecules.",),
    )


def atom_features(numbers: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    """[M, 29, 7] uint8: one-hot symbol, atomic number, number of bonded hydrogens."""
    kinds = numbers[..., None] == np.array(list(NUMBERS.values()), np.uint8)
    hydrogens = ((bonds > 0) & (numbers == NUMBERS["H"])[:, None]).sum(axis=-1)
    columns = [numbers[..., None], hydrogens[..., None]]
    return np.concatenate([kinds, *columns], axis=-1).astype(np.uint8)


def _fit(task: str, y: np.ndarray) -> tuple[float, float]:
    if not y.std() > 0:
        raise DataError(
            f"qm9, task {task!r}: expected values that differ in the training split, "
            f"found {y[0]:g} in all {len(y)} rows. Check the table of properties."
        )
    return float(y.mean()), float(y.std())


def _batch(
    features: dict[str, np.ndarray], labels: dict[str, np.ndarray], rows: np.ndarray
) -> Batch:
    where = np.ones(len(rows), bool)
    return Batch(
        {name: x[rows] for name, x in features.items()},
        {task: y[rows] for task, y in labels.items()},
        dict.fromkeys(labels, where),
    )


def _prepared(
    data_dir: PathLike | None, cache_dir: PathLike | None
) -> dict[str, np.ndarray]:
    """Molecules and columns of the table, without the uncharacterised rows."""
    raw = find_raw("qm9", data_dir, ("qm9/raw", "qm9"), FILES)
    make = functools.partial(_prepare, raw)
    place = prepared_arrays("qm9", VERSION, raw, make, cache_dir)
    return {path.stem: np.load(path) for path in sorted(place.glob("*.npy"))}


def _prepare(raw: Sequence[Path], folder: Path) -> None:
    sdf, table, unsure = (
        read_file(path, name).decode() for path, name in zip(raw, FILES, strict=True)
    )
    molecules = parse_molecules(sdf, raw[0])
    properties = parse_properties(table, raw[1])
    count = len(molecules.numbers)
    if len(properties["mu"]) != count:
        raise DataError(
            f"{raw[1]}: expected a row for each of the {count} molecules of {raw[0]}, "
            f"found {len(properties['mu'])}. Fetch the files again."
        )
    kept = np.ones(count, bool)
    kept[parse_uncharacterized(unsure, raw[2], count)] = False
    for name, array in (molecules._asdict() | properties).items():
        np.save(folder / f"{name}.npy", array[kept])
