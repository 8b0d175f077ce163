"""What a run's folder holds so that it can be served."""

from pathlib import Path

from omegaconf import DictConfig

from mtlx import compose
from mtlx.data.dataset import Dataset
from mtlx.data.signature import Signature

SIGNATURE = "signature.json"


def store_signature(folder: Path, dataset: Dataset) -> str | None:
    """Writes `signature.json` where the data set has raw columns.

    Returns:
        Why there is none, if an input of the data cannot be stored: a run is worth its
        result all the same.
    """
    if dataset.preprocessing is None:
        return None
    try:
        _signature(dataset).write(folder / SIGNATURE)
    except ValueError as error:
        return f"cannot be served: {error}"
    return None


def read_signature(folder: Path, cfg: DictConfig) -> tuple[Signature, bool]:
    """The signature of a run, and whether it had to be fitted again.

    A run that was trained before signatures were stored has none; the data that its
    configuration names are checked against their digests and split by a seed, so they
    give the same fit. It is stored then.

    Raises:
        ValueError: the data have no raw columns, or an input cannot be stored.
        DataError: the file is damaged, or the data are not there.
    """
    path = folder / SIGNATURE
    if path.is_file():
        return Signature.read(path), False
    dataset = compose.build_dataset(cfg)
    if dataset.preprocessing is None:
        raise ValueError(
            f"Expected a run on data whose rows can be scored one by one, found "
            f"{dataset.name!r}, which declares no preprocessing of raw columns. Choose "
            f"a run on data such as census_income or kuairand."
        )
    signature = _signature(dataset)
    signature.write(path)
    return signature, True


def _signature(dataset: Dataset) -> Signature:
    return Signature(dataset.name, dataset.tasks, dataset.schema, dataset.preprocessing)
