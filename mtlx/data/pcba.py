"""PCBA: which of 128 biological assays a molecule is active in."""

from collections.abc import Sequence

import numpy as np

from mtlx.data.builders.one_file import prepare_files
from mtlx.data.builders.pcba_assays import ASSAYS
from mtlx.data.builders.pcba_format import BITS
from mtlx.data.builders.pcba_source import PARTS, PUBLISHED
from mtlx.data.categorical import Columns
from mtlx.data.dataset import Dataset, Schema
from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import task_names
from mtlx.data.prepared import prepared_columns
from mtlx.data.split_within import split_within
from mtlx.tasks import Task
from mtlx.types import Batch, Field

NAMES = tuple(f"assay_{number}" for number in ASSAYS)
FINGERPRINT = "fingerprint"


def pcba(
    tasks: Sequence[str] | None = None,
    shares: tuple[float, float] = (0.8, 0.1),
    split_seed: int = 0,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """87,973 molecules, each tried in some of 128 assays: 128 binary tasks.

    39.5 % of the labels are missing: a row counts for the tasks whose label is there.
    1.4 % of those that are there are positive, 208 in the median assay.

    Args:
        tasks: from "assay_1030", .., PubChem's numbers, in the order of the files; rows
            without a label of the chosen ones stay. None means all.
        shares: of training and validation; the rest is the test split.
        split_seed: seed of the division into splits, at random.
        data_dir: folder that holds pcba/ or the files themselves; None means the
            variable MTLX_DATA_DIR. Where they are not, they are downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the bag "fingerprint" [B, L] int32: the numbers, from 1, of the
        bits that are set in the molecule's extended-connectivity fingerprint of 1,024.
        A bag whose vectors are summed is a dense layer of the bits.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one, or the
            files of a part have not as many rows.
        ValueError: an unknown or repeated task, or none; shares that leave no rows.

    Reference: Ramsundar et al., "Massively Multitask Networks for Drug Discovery",
    arXiv:1502.02072; division and metric of Wu et al., "MoleculeNet", Chemical Science
    2018 (80 / 10 / 10 % at random, area under the precision-recall curve); files of
    Aoki et al. (MMoEEx). Of its 437,929 molecules, these are the fifth that was there
    to validate and test on; figures do not compare with those of the whole. We report
    the area under the ROC curve.
    """
    chosen = task_names("pcba", NAMES if tasks is None else tasks, NAMES)
    columns = prepared_columns(PUBLISHED, prepare_files, data_dir, cache_dir)
    bits, label, known = (
        np.concatenate(arrays)
        for arrays in zip(*(_part(columns, part) for part in PARTS), strict=True)
    )
    ids = _ids(bits)
    places = [NAMES.index(task) for task in chosen]
    splits = [
        Batch(
            {FINGERPRINT: ids[part]},
            {
                task: np.where(known[part, n], label[part, n], 0).astype(np.float32)
                for task, n in zip(chosen, places, strict=True)
            },
            {task: known[part, n] for task, n in zip(chosen, places, strict=True)},
        )
        for part in split_within(np.zeros(len(ids), int), tuple(shares), split_seed)
    ]
    field = Field(FINGERPRINT, "bag", ids.shape[1:], (BITS + 1,))
    return Dataset(
        "pcba",
        tuple(Task(task, "binary", metrics=("auc", "log_loss")) for task in chosen),
        Schema(fields=(field,)),
        *splits,
    )


def _part(columns: dict[str, Columns], part: str) -> list[np.ndarray]:
    """Packed bits [N, 128], labels [N, 128] and which are known, of a part's files."""
    keys = {"features": "bits", "y": "label", "w": "known"}
    found = {
        name: columns[name][key]
        for name, key in (
            (f"pcba_{part}_{file}.csv", key) for file, key in keys.items()
        )
    }
    rows = {name: len(column) for name, column in found.items()}
    if len(set(rows.values())) > 1:
        raise DataError(
            f"pcba: expected as many rows in each file of a part, found {rows}. Fetch "
            f"the files again."
        )
    return list(found.values())


def _ids(bits: np.ndarray) -> np.ndarray:
    """[B, L] int32: numbers of the bits that are set, from 1, then -1."""
    row, bit = np.nonzero(np.unpackbits(bits, axis=1))
    lengths = np.bincount(row, minlength=len(bits))
    ids = np.full((len(bits), max(int(lengths.max(initial=0)), 1)), -1, np.int32)
    starts = np.cumsum(lengths) - lengths
    ids[row, np.arange(len(row)) - starts[row]] = bit + 1
    return ids
