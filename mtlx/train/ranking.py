"""Where the items of a split's rows stand in lists of the whole catalogue."""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.catalogue import Catalogue, Catalogues
from mtlx.retrieval import target_ranks, target_ranks_in
from mtlx.retrieval.blocks import in_blocks
from mtlx.tasks import Task
from mtlx.types import Array, Batch, PyTree

ITEM_BLOCK = 4096  # items that are encoded at a time
TARGET, GROUP = "target of ", "group of rows"  # beside the features of a batch

Forward = Callable[[nn.Module, PyTree, PyTree], dict[str, Array]]


def targets_of(rows: Batch, tasks: tuple[Task, ...]) -> dict[str, np.ndarray]:
    """What ranks need beside the features, named as no feature is; {} without them."""
    found = {
        TARGET + task.name: np.asarray(rows.labels[task.name], np.int32)
        for task in tasks
        if task.kind == "retrieval"
    }
    if found and rows.groups is not None:
        found[GROUP] = np.asarray(rows.groups)
    return found


def make_forward(tasks: tuple[Task, ...], catalogues: Catalogues) -> Forward:
    """The forward pass (model, variables, features [batches, B, ...]) -> outputs.

    For a retrieval task the output is the rank [B] of each row's item among all items
    that its catalogue offers and the row's group has not seen; inf of an item that is
    not offered (`mtlx.retrieval.target_ranks`). The item vectors are
    computed once a call.
    """
    retrieval = tuple(task.name for task in tasks if task.kind == "retrieval")

    def forward(model, variables, features):
        vectors = {}
        for task in retrieval:
            vectors |= item_vectors(model, variables, catalogues[task], (task,))

        def one(x):
            outputs = dict(model.apply(variables, x, train=False))
            for task in retrieval:
                outputs[task] = _ranks(
                    task, outputs[task], vectors, catalogues[task], x
                )
            return outputs

        return jax.lax.map(one, features)

    return forward


def item_vectors(
    model: nn.Module,
    variables: PyTree,
    catalogue: Catalogue,
    tasks: tuple[str, ...],
) -> dict[str, Array]:
    """Retrieval task -> vectors [I, D] of the catalogue; of logits, nothing."""
    features = jax.tree.map(jnp.asarray, dict(catalogue.features))
    first = jax.tree.map(lambda x: x[:1], features)
    shapes = jax.eval_shape(model.apply, variables, first)
    paired = [task for task in tasks if shapes[task].ndim == 3]
    if not paired:
        return {}

    def encode(features):
        outputs = model.apply(variables, features, train=False)
        return {task: outputs[task][:, 1] for task in paired}

    return in_blocks(encode, ITEM_BLOCK, features)


def _ranks(
    task: str,
    outputs: Array,
    vectors: Mapping[str, Array],
    catalogue: Catalogue,
    features: Mapping[str, Array],
) -> Array:
    masks = {"offered": catalogue.offered}
    if catalogue.seen is not None:
        groups = features[GROUP]
        masks["seen"] = jnp.take(jnp.asarray(catalogue.seen), groups, axis=0)
    targets = features[TARGET + task]
    if task in vectors:
        return target_ranks(outputs[:, 0], vectors[task], targets, **masks)
    return target_ranks_in(outputs, targets, **masks)
