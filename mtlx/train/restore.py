"""A trained model back from its run's folder."""

from pathlib import Path
from typing import Any

import flax.linen as nn
import jax

from mtlx.data.dataset import Dataset
from mtlx.data.feed import make_feed
from mtlx.train.checkpoint import Checkpointer
from mtlx.train.optimizers.per_task import Optimizer
from mtlx.train.plan import Settings, make_plan
from mtlx.types import Balancer, PyTree


def restore_variables(
    model: nn.Module,
    dataset: Dataset,
    balancer: Balancer,
    optimizer: Optimizer,
    checkpointer: Checkpointer,
    *,
    batch_size: int = 1024,
    **settings: Any,
) -> PyTree:
    """The variables that a run kept: those of its best epoch, or of its last.

    Args:
        model, dataset, balancer, optimizer: as the run had them.
        checkpointer: on the run's folder "checkpoint".
        batch_size: of the run.
        settings: its further arguments of `fit`.

    Raises:
        FileNotFoundError: nothing was saved there.
    """
    feed = make_feed(dataset.train, batch_size)
    options = Settings.among(settings)
    plan = make_plan(
        options.cast(model), balancer, optimizer, dataset.tasks, feed, options
    )
    state = jax.jit(plan.init)(jax.random.key(0))
    (_, variables), _ = checkpointer.restore((state, state.variables))
    return variables


def checkpoint_folder(run: Path) -> Path:
    """Where a run keeps its checkpoints."""
    return run / "checkpoint"
