"""The state of a run: one pytree that a step maps to the next."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mtlx.gradients import split
from mtlx.types import Array, Balancer, Batch, PRNGKeyArray, PyTree


class TrainState(NamedTuple):
    """Everything that changes during training.

    `key` is the run's own and never changes: the draws of a step are a function of the
    key and the step's number, those of an epoch's row order of the key and the epoch's
    number, so that a resumed run repeats the uninterrupted one bit for bit.
    """

    step: Array  # [] int32
    key: Array  # typed PRNG key
    params: PyTree
    model_state: PyTree  # collections besides "params", e.g. batch statistics
    opt_state: PyTree
    balancer_state: PyTree

    @property
    def variables(self) -> dict[str, PyTree]:
        """What `model.apply` takes."""
        return {"params": self.params, **self.model_state}


Step = Callable[[TrainState, Batch], tuple[TrainState, dict[str, Array]]]


def init_state(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    balancer: Balancer,
    batch: Batch,
    key: PRNGKeyArray,
    warm_start: Callable[[PyTree], PyTree] | None = None,
) -> TrainState:
    """A fresh state; `batch` gives the shapes of the features and is not trained on.

    The initial parameters depend on `key` alone, not on the balancer or optimizer: runs
    that share a seed start from the same point. `warm_start` maps them to those
    that training starts from, e.g. with stored values in place of some.
    """
    variables = init_variables(model, batch, key)
    tasks = len(batch.labels)
    return start_state(model, optimizer, balancer, tasks, key, variables, warm_start)


def init_variables(
    model: nn.Module, batch: Batch, key: PRNGKeyArray
) -> dict[str, PyTree]:
    """The model's initial variables: the part of `init_state` that takes long to
    compile, and is the same program for every balancer and optimizer."""
    return dict(model.init(jax.random.split(key)[0], batch.features))


def start_state(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    balancer: Balancer,
    num_tasks: int,
    key: PRNGKeyArray,
    variables: dict[str, PyTree],
    warm_start: Callable[[PyTree], PyTree] | None = None,
) -> TrainState:
    """The rest of `init_state`."""
    variables = dict(variables)
    params = variables.pop("params")
    if warm_start is not None:
        params = warm_start(params)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=jax.random.split(key)[1],
        params=params,
        model_state=variables,
        opt_state=optimizer.init(params),
        balancer_state=_start(balancer, num_tasks, model, params),
    )


def _start(
    balancer: Balancer, num_tasks: int, model: nn.Module, params: PyTree
) -> PyTree:
    if "grads" in balancer.needs:
        return balancer.init(num_tasks, split(params, model.owner)[0])
    return balancer.init(num_tasks)


def step_key(state: TrainState) -> PRNGKeyArray:
    """The key of the state's next step."""
    return jax.random.fold_in(jax.random.split(state.key)[0], state.step)


def order_key(key: PRNGKeyArray, epoch: Array) -> PRNGKeyArray:
    """The key that orders the rows of an epoch."""
    return jax.random.fold_in(jax.random.split(key)[1], epoch)
