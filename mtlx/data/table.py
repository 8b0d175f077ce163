"""A user's own logs, in CSV or Parquet, by a declared schema."""

import functools
import hashlib
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.categorical import as_categorical
from mtlx.data.dataset import Dataset
from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike, cache_folder
from mtlx.data.inputs import Input
from mtlx.data.labels import build_labels
from mtlx.data.tabular.duplicates import first_rows
from mtlx.data.tabular.files import Paths, find_table_files
from mtlx.data.tabular.fitted_table import FittedTable, take_batch
from mtlx.data.tabular.ids import read_ids
from mtlx.data.tabular.input_columns import InputColumns
from mtlx.data.tabular.label_columns import check_labels, label_names, read_labels
from mtlx.data.tabular.leakage import LeakageWarning, find_leaks
from mtlx.data.tabular.parts import part_rows
from mtlx.data.tabular.raw_table import read_raw_table
from mtlx.data.tabular.split import Split
from mtlx.data.tabular.stored_splits import is_stored, store_splits, stored_splits
from mtlx.data.tabular_features import TabularFeatures
from mtlx.tasks import Task

VERSION = 2  # of the encoded rows in the cache; raise it when they change
LOOKED_AT = 100_000  # training rows in which leaks are sought


def table(
    files: Paths | Mapping[str, Paths],
    inputs: Mapping[str, Input | None],
    tasks: Sequence[Task],
    split: Split | None = None,
    name: str = "table",
    group: str | None = None,
    domain: str | None = None,
    personal: Sequence[str] = (),
    classes: Mapping[str, Sequence[str]] | None = None,
    missing: Sequence[str] = ("",),
    duplicates: Sequence[str] | None = None,
    leakage: str = "warn",
    delimiter: str = ",",
    blocks: bool = False,
    steps_per_epoch: int | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Rows of the user's own files; what is fitted, is fitted on the training rows.

    In order: columns are read (one at a time beyond Arrow's own memory), repeated rows
    dropped, rows divided; inputs are fitted and applied; labels and masks built; leaks
    sought.

    Args:
        files: of CSV or Parquet (by their endings): one, several, a folder of them, to
            be divided by `split`; or by part, {train, validation, test}, where a
            part without files is taken from the training rows by `split`.
        inputs: column -> what becomes of it (`mtlx.data.inputs`); null: not an input.
        tasks: with the columns of their labels and sample spaces.
        split: one of `mtlx.data.tabular`: ByTime, ByUser, AtRandom, ByColumn, Folds.
        name: of the data set.
        group: column of ids by which grouped metrics (gauc) compare rows.
        domain, personal: columns with a part in some models (`Schema`).
        classes: label column of text -> its values, which count 0, 1, ...
        missing: texts that stand for nothing, in every column but those of `Text`. A
            missing label or number is NaN, a missing id the empty text.
        duplicates: columns; of rows alike in these the first stays, how many go is said
            (`Dataset.notes`). None: all rows stay.
        leakage: "warn" of inputs that say a label (`find_leaks`), "refuse" them, or
            "off". Up to 100,000 training rows are looked at.
        delimiter: between the fields of text files; for TSV a tab.
        blocks: whether the training rows are fed from disk (`Blocks`), for tables
            larger than memory: raw columns are then mapped, one at a time is in memory,
            and encoded rows are kept in the cache. Validation and test rows are in
            memory all the same.
        steps_per_epoch: of `blocks`: cuts a pass into epochs; None: a pass.
        cache_dir: of `blocks`; None means the variable MTLX_CACHE_DIR, and without that
            ~/.cache/mtlx.

    Returns:
        A `Dataset` with "categorical" [B, F] int32, "numerical" [B, N] float32 and the
        fields of the inputs.

    Raises:
        DataError: a file or column is missing, a cell is not as declared, a split is
            empty or has one value of a label; a leak, where that is refused.
        ValueError: a declaration that does not fit: no task or input, a label that is
            an input too, no split.
    """
    chosen = {column: each for column, each in inputs.items() if each is not None}
    classes = classes or {}
    _check(chosen, tasks, classes, leakage)
    found = find_table_files(files)
    columns = [*chosen, *label_names(tasks), *(split.reads if split else ())]
    columns += [group] if group else []
    columns += duplicates or []
    declared = (chosen, split, group, classes, missing, duplicates, delimiter)
    folder = _folder(cache_dir, found, tasks, declared) if blocks else None

    fitted = functools.partial(
        _fit,
        name,
        found,
        list(dict.fromkeys(columns)),
        tasks,
        *declared,
        leakage=leakage,
        copies=_copies(folder) if folder else None,
    )
    roles = {"domain": domain, "personal": tuple(personal)}
    if folder is not None:
        if not is_stored(folder):
            store_splits(folder, fitted(), tasks)
            shutil.rmtree(_copies(folder), ignore_errors=True)
        schema, *splits = stored_splits(folder, tasks, steps_per_epoch)
        return Dataset(name, tuple(tasks), schema._replace(**roles), *splits)
    whole = fitted()
    encoded = whole.encode(0, len(whole.raw.table))
    train, validation, test = (
        take_batch(encoded, rows) for rows in whole.rows.values()
    )
    schema = whole.features.schema._replace(**roles)
    train = train._replace(groups=None)
    return Dataset(
        name,
        tuple(tasks),
        schema,
        train,
        validation,
        test,
        whole.notes,
        whole.preprocessing,
    )


def _notes(
    name: str,
    rows: Mapping[str, np.ndarray],
    kept: np.ndarray | None,
    duplicates: Sequence[str] | None,
) -> tuple[str, ...]:
    counts = ", ".join(f"{len(found):,} {part}" for part, found in rows.items())
    sizes = f"{name}: {counts} rows."
    if kept is None:
        return (sizes,)
    dropped = len(kept) - int(kept.sum())
    alike = ", ".join(duplicates or ())
    repeat = f"{dropped:,} of {len(kept):,} rows repeat another ({alike})"
    return (f"{name}: {repeat} and are dropped.", sizes)


def _copies(folder: Path) -> Path:
    """Where the mapped copies of text files are while their rows are encoded."""
    return folder.with_name(f"{folder.name}.{os.getpid()}.raw")


def _folder(
    cache_dir: PathLike | None,
    files: Mapping[str, Sequence[Path]],
    tasks: Sequence[Task],
    declared: tuple,
) -> Path:
    """Where the encoded rows of these files and this declaration are kept."""
    stamps = [
        (part, str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns)
        for part, paths in files.items()
        for path in paths
    ]
    read = [(t.name, t.kind, t.label, t.space, t.num_classes) for t in tasks]
    text = repr((VERSION, stamps, read, declared))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return cache_folder(cache_dir) / "table" / digest[:16]


def _check_rows(table: FittedTable, tasks: Sequence[Task], leakage: str) -> None:
    for part, rows in table.rows.items():
        labels = {name: column[rows] for name, column in table.labels.items()}
        where = {name: column[rows] for name, column in table.where.items()}
        check_labels(part, tasks, labels, where)
    if leakage != "off":
        look_for_leaks(table, tasks, leakage)


def look_for_leaks(table: FittedTable, tasks: Sequence[Task], leakage: str) -> None:
    """Warns of inputs that say a label, or refuses them.

    Raises:
        DataError: `leakage` is "refuse" and there is one.
    """
    train = table.rows["train"]
    rows = train[np.linspace(0, len(train) - 1, min(len(train), LOOKED_AT)).astype(int)]
    columns = InputColumns(table.raw, table.inputs, table.missing, rows)
    labels = {name: column[rows] for name, column in table.labels.items()}
    where = {name: column[rows] for name, column in table.where.items()}
    leaks = find_leaks(columns, tasks, labels, where)
    if not leaks:
        return
    text = "; ".join(f"{x.column!r} for {x.task!r}: {x.reason}" for x in leaks)
    text = (
        f"table: expected inputs that are known before the label, found {text}. Leave "
        f"a column out (data.inputs.{leaks[0].column}=null), or set data.leakage=off "
        f"if it is known in time."
    )
    if leakage == "refuse":
        raise DataError(text)
    warnings.warn(text, LeakageWarning, stacklevel=2)


def _fit(
    name: str,
    files: Mapping[str, Sequence[Path]],
    columns: list[str],
    tasks: Sequence[Task],
    inputs: Mapping[str, Input],
    split: Split | None,
    group: str | None,
    classes: Mapping[str, Sequence[str]],
    missing: Sequence[str],
    duplicates: Sequence[str] | None,
    delimiter: str,
    *,
    leakage: str,
    copies: Path | None,
) -> FittedTable:
    """The files read, divided and fitted on the training rows; see `table`."""
    read = read_raw_table(files, columns, delimiter, copies)
    kept = first_rows(read, duplicates) if duplicates else None
    rows = part_rows(read, split, kept)
    of_training = InputColumns(read, inputs, missing, rows["train"])
    result = FittedTable(
        read,
        inputs,
        missing,
        rows,
        TabularFeatures.fit(of_training, (), (), inputs=inputs),
        *build_labels(read_labels(read, tasks, classes, missing), tasks),
        as_categorical(read_ids(read, group)).codes if group else None,
        _notes(name, rows, kept, duplicates),
    )
    _check_rows(result, tasks, leakage)
    return result


def _check(
    inputs: Mapping[str, Input],
    tasks: Sequence[Task],
    classes: Mapping[str, Sequence[str]],
    leakage: str,
) -> None:
    names = [task.name for task in tasks]
    if not tasks or len(set(names)) < len(names):
        raise ValueError(
            f"table: expected tasks, each with a name of its own, found {names}. Mend "
            f"data.tasks."
        )
    both = sorted(set(label_names(tasks)) & set(inputs))
    if both:
        raise ValueError(
            f"table: expected inputs that no label or sample space is read from, found "
            f"{both}. Leave them out of data.inputs."
        )
    if leakage not in ("warn", "refuse", "off"):
        raise ValueError(
            f"table: expected leakage to be warn, refuse or off, found {leakage!r}."
        )
    strange = sorted(set(classes) - {task.label for task in tasks})
    if strange:
        raise ValueError(
            f"table: expected classes of label columns, found {strange}. Mend "
            f"data.classes."
        )
