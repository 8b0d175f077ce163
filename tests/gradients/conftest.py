"""Small models on a batch with a masked task and one without rows."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models
from mtlx.gradients import split
from mtlx.tasks import Task
from mtlx.train.batch_losses import task_losses
from mtlx.types import Batch

TASKS = tuple(Task(name, "regression") for name in "abcde")
MIXTURE = {"num_experts": 3, "expert_widths": (5, 4)}
GROUPS = {"num_task_experts": 2, "num_shared_experts": 1, "expert_widths": (4,)}
TABLE = {
    "single_task": (models.SingleTask, {"bottom_widths": (5, 4)}),
    "shared_bottom": (models.SharedBottom, {"bottom_widths": (20, 4)}),
    "no_bottom": (models.SharedBottom, {"bottom_widths": ()}),
    "mmoe": (models.MMoE, MIXTURE),
    "ple": (models.PLE, GROUPS | {"num_levels": 2}),
}
# The first column has more values than the batch has rows, the second fewer.
CARDINALITIES = (30, 3)


class Case:
    """A model at random parameters, and its losses on one batch."""

    def __init__(self, architecture, num_tasks, batch_size=6, **fields):
        rng = np.random.default_rng(num_tasks)
        cls, own = TABLE[architecture]
        self.tasks = TASKS[:num_tasks]
        self.batch = _batch(rng, self.tasks, batch_size)
        encoder = functools.partial(
            models.FeatureEncoder, cardinalities=CARDINALITIES, embedding_dim=2
        )
        self.model = cls(
            tasks=tuple(task.name for task in self.tasks),
            outputs=(1,) * num_tasks,
            encoder=encoder,
            tower_widths=(3,),
            **{"activation": jnp.tanh, **own, **fields},
        )
        variables = dict(self.model.init(jax.random.key(0), self.batch.features))
        self.params = jax.tree.map(
            lambda leaf: jnp.asarray(rng.normal(scale=0.7, size=leaf.shape), "float32"),
            variables.pop("params"),
        )
        self.model_state = variables
        self.shared, self.own = split(self.params, self.model.owner)

    def losses(self, params, probes=None, batch=None):
        """(losses [T], aux), as the training step computes them."""
        batch = self.batch if batch is None else batch
        collections = {"params": params, **self.model_state}
        if probes is not None:
            collections["perturbations"] = probes
        outputs, state = self.model.apply(
            collections,
            batch.features,
            train=True,
            rngs={"dropout": jax.random.key(3)},
            mutable=list(self.model_state),
        )
        losses, present = task_losses(self.tasks, outputs, batch)
        return losses, {"present": present, "state": state}


def _batch(rng, tasks, rows):
    """The second task has labels on some rows, the third on none."""
    labels = {task.name: rng.normal(size=rows).astype("float32") for task in tasks}
    where = {task.name: np.ones(rows, bool) for task in tasks}
    if len(tasks) > 1:
        where["b"][::2] = False
    if len(tasks) > 2:
        where["c"][:] = False
    ids = rng.integers(0, CARDINALITIES, size=(rows, 2)).astype("int32")
    ids[1] = ids[0]
    features = {"categorical": ids, "numerical": rng.normal(size=(rows, 3))}
    return jax.tree.map(jnp.asarray, Batch(features, labels, where))


@pytest.fixture(scope="session")
def make_case():
    """`make_case(architecture, num_tasks, **fields)`."""
    return Case


@pytest.fixture(params=TABLE)
def architecture(request):
    return request.param
