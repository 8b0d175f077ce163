"""Builds a model for a data set."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn

from mtlx.data.catalogue import check_catalogues
from mtlx.data.dataset import Dataset
from mtlx.models import JointEncoder, MultiTaskModel
from mtlx.types import Batch


def build_model(
    architecture: Callable[..., nn.Module],
    encoder: Callable[..., nn.Module],
    dataset: Dataset,
) -> nn.Module:
    """The architecture for the tasks, on the encoder, both for the data's schema.

    Args:
        architecture: a class of `mtlx.models`, or a `functools.partial` of one.
        encoder: likewise, e.g. ``partial(FeatureEncoder, embedding_dim=8)``.
        dataset: gives the tasks and the schema.

    Raises:
        ValueError: a column or a kind of task that the architecture needs is absent,
            the encoder is that of a joint data set and this is none, or the reverse, or
            rows show an item to an architecture that lets the tasks foretelling it read
            it.
        DataError: retrieval tasks that do not fit their catalogues
            (`check_catalogues`).
    """
    splits = {"validation": dataset.validation, "test": dataset.test}
    if isinstance(dataset.train, Batch):
        splits["train"] = dataset.train
    check_catalogues(dataset.name, dataset.tasks, dataset.catalogues, splits)
    model = architecture(
        tasks=tuple(task.name for task in dataset.tasks),
        outputs=tuple(task.outputs for task in dataset.tasks),
        encoder=functools.partial(encoder, **_inputs(encoder, dataset)),
        schema=dataset.schema,
    )
    model.check_kinds(tuple(task.kind for task in dataset.tasks))
    _check_foretold(model, dataset)
    return model


def _check_foretold(model: MultiTaskModel, dataset: Dataset) -> None:
    """Refuses rows whose item a model would read off to foretell it."""
    kinds = {task.name: task.kind for task in dataset.tasks}
    foretold = dataset.schema.foretold
    shown = [name for name in foretold if kinds.get(name) != "retrieval"]
    if shown and not model.hides_item:
        raise ValueError(
            f"Data set {dataset.name!r}: expected a model that keeps the item of a row "
            f"from the tasks that foretell it, {shown}, found "
            f"{type(model).__name__}. Set show_item=false of the data, or choose "
            f"model=recommendation/two_tower."
        )


def _inputs(encoder: Callable[..., nn.Module], dataset: Dataset) -> dict[str, Any]:
    """The arguments of the encoder that the data's schema decides."""
    schema = dataset.schema
    joins = getattr(encoder, "func", encoder) is JointEncoder
    if joins != bool(schema.parts):
        raise ValueError(
            f"Expected {'encoder=joint' if schema.parts else 'an encoder of columns'} "
            f"for the data set {dataset.name!r}, which "
            f"{'is joined from others' if schema.parts else 'is a single one'}; found "
            f"{getattr(encoder, 'func', encoder)}."
        )
    if joins:
        return {"parts": schema.parts}
    return {
        "cardinalities": schema.cardinalities,
        "names": schema.names,
        "fields": schema.fields,
    }
