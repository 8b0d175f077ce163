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
    """The architecture with one tower a task, on the encoder for the data's schema.

    Args:
        architecture: a class of `mtlx.models`, or a `functools.partial` of one.
        encoder: likewise, e.g. ``partial(FeatureEncoder, embedding_dim=8)``.
        dataset: gives the tasks and the schema.
    """
    return architecture(
        tasks=tuple(task.name for task in dataset.tasks),
        outputs=tuple(task.outputs for task in dataset.tasks),
        encoder=functools.partial(encoder, cardinalities=dataset.schema.cardinalities),
    )
