"""What a run's folder holds so that it can be served."""

from pathlib import Path

from omegaconf import DictConfig

from mtlx import compose
from mtlx.data.catalogue import Catalogue, read_catalogue, write_catalogue
from mtlx.data.dataset import Dataset
from mtlx.data.signature import Signature

SIGNATURE, CATALOGUE = "signature.json", "catalogue.npz"


def store_signature(folder: Path, dataset: Dataset) -> str | None:
    """Writes `signature.json` where the data set has raw columns, and the items that
    lists are made of into `catalogue.npz`.

    Returns:
        Why there is none, if an input of the data cannot be stored: a run is worth its
        result all the same.
    """
    if dataset.preprocessing is None:
        return None
    try:
        signature_of(dataset).write(folder / SIGNATURE)
    except ValueError as error:
        return f"cannot be served: {error}"
    for catalogue in dataset.catalogues.values():  # one, where rows can be served
        write_catalogue(folder / CATALOGUE, catalogue)
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
    signature = signature_of(dataset)
    signature.write(path)
    return signature, True


def stored_catalogue(folder: Path, cfg: DictConfig) -> Catalogue:
    """The items of a run with a retrieval task; of an older run made again, as above.

    Raises:
        DataError: the file is damaged, or the data are not there.
    """
    path = folder / CATALOGUE
    if not path.is_file():
        (catalogue,) = compose.build_dataset(cfg).catalogues.values()
        write_catalogue(path, catalogue)
    return read_catalogue(path)


def signature_of(dataset: Dataset) -> Signature:
    """What a model of the data set takes and gives."""
    return Signature(dataset.name, dataset.tasks, dataset.schema, dataset.preprocessing)
