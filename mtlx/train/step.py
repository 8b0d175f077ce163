"""One training step: measure, decide, apply."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mtlx.gradients import measure
from mtlx.losses import masked_mean
from mtlx.tasks import Task
from mtlx.train.state import Step, TrainState, step_key
from mtlx.types import Array, Balancer, Batch


def task_losses(
    tasks: tuple[Task, ...], outputs: dict[str, Array], batch: Batch
) -> tuple[Array, Array]:
    """Mean loss of each task over its own rows [T], and which tasks have any [T].

    A label that does not count may be NaN: it is replaced before the loss, since a
    masked NaN would still reach the gradient as 0 * NaN.
    """
    losses, present = [], []
    for task in tasks:
        where = batch.where[task.name]
        labels = batch.labels[task.name]
        labels = jnp.where(where, labels, jnp.zeros_like(labels))
        losses.append(masked_mean(task.loss(outputs[task.name], labels), where))
        present.append(jnp.any(where))
    return jnp.stack(losses), jnp.stack(present)


def make_step(
    model: nn.Module,
    tasks: tuple[Task, ...],
    optimizer: optax.GradientTransformation,
    balancer: Balancer,
    steps_per_epoch: int,
) -> Step:
    """The pure function (state, batch) -> (state, metrics) that training scans over.

    The model step uses the weights that the balancer returns *for this batch*. Metrics
    are "loss" [T], "weight" [T] and "present" [T].
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Array]]:
        dropout_key, balancer_key = jax.random.split(step_key(state))

        def loss_fn(params):
            outputs, model_state = model.apply(
                {"params": params, **state.model_state},
                batch.features,
                train=True,
                rngs={"dropout": dropout_key},
                mutable=list(state.model_state),
            )
            losses, present = task_losses(tasks, outputs, batch)
            return losses, {"present": present, "model_state": model_state}

        measured = measure(loss_fn, state.params, model.owner, balancer.needs)
        signals = measured.signals._replace(epoch=state.step // steps_per_epoch)
        weights, balancer_state = balancer.update(
            signals, state.balancer_state, key=balancer_key
        )
        updates, opt_state = optimizer.update(
            measured.gradient(weights), state.opt_state, state.params
        )
        next_state = TrainState(
            step=state.step + 1,
            key=state.key,
            params=optax.apply_updates(state.params, updates),
            model_state=measured.aux["model_state"],
            opt_state=opt_state,
            balancer_state=balancer_state,
        )
        metrics = {
            "loss": signals.losses,
            "weight": weights,
            "present": measured.aux["present"],
        }
        return next_state, metrics

    return step
