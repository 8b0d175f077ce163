"""Builds a model for a data set."""

import functools
from collections.abc import Callable

import flax.linen as nn

from mtlx.data.dataset import Dataset


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
        ValueError: a column or a kind of task that the architecture needs is absent.
    """
    model = architecture(
        tasks=tuple(task.name for task in dataset.tasks),
        outputs=tuple(task.outputs for task in dataset.tasks),
        encoder=functools.partial(
            encoder,
            cardinalities=dataset.schema.cardinalities,
            names=dataset.schema.names,
            fields=dataset.schema.fields,
        ),
        schema=dataset.schema,
    )
    model.check_kinds(tuple(task.kind for task in dataset.tasks))
    return model
