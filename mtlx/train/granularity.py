"""At which grain a model's gradients are measured and weighed."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

from mtlx.gradients import GRANULARITIES, Cut, join, split
from mtlx.train.optimizers.per_task import TaskWise
from mtlx.train.optimizers.row_wise import RowState
from mtlx.types import Array, Balancer, Batch, PyTree


def check_granularity(
    granularity: str, balancer: Balancer, optimizer: optax.GradientTransformation
) -> None:
    """Refuses a grain that there is not, or that the balancer does not have.

    A balancer that needs losses alone measures nothing, and goes with every grain.

    Raises:
        ValueError: an unknown name; a balancer that needs the gradients themselves; a
            metric asked of the representation, or of an optimizer that has none.
    """
    if isinstance(optimizer, TaskWise) and (
        granularity != "all" or "metric" in balancer.needs
    ):
        raise ValueError(
            f"An optimizer with moments of each task expected granularity='all' and a "
            f"balancer without 'precondition', found granularity={granularity!r} and "
            f"needs {sorted(balancer.needs)}. Use another optimizer, e.g. adam."
        )
    if "metric" in balancer.needs:
        if granularity == "representation":
            raise ValueError(
                "Wrapper 'precondition' expected a granularity of parameters, found "
                "'representation', which the optimizer has no metric for. Use another."
            )
        adam_metric(optimizer.init({"w": jnp.zeros(1)}), lambda path: None)
    if granularity not in GRANULARITIES:
        raise ValueError(
            f"Expected granularity to be one of {', '.join(GRANULARITIES)}, found "
            f"{granularity!r}."
        )
    if granularity == "all" or not balancer.needs & {"gram", "grads", "cross_gram"}:
        return
    if balancer.needs & {"grads", "cross_gram"}:
        raise ValueError(
            f"granularity={granularity!r} expected a balancer that needs the Gram "
            f"matrix, found one that needs {sorted(balancer.needs)}. Use 'all'."
        )


def adam_metric(
    opt_state: PyTree, owner: Callable[[tuple[str, ...]], str | None]
) -> dict[tuple[str, ...], Array]:
    """1 / (sqrt(v) + eps) of the shared parameters, scaled to a mean of 1.

    Raises:
        ValueError: the optimizer keeps no second moments v.
    """
    moments = second_moments(opt_state)
    if moments is None:
        raise ValueError(
            "Wrapper 'precondition' expected an optimizer with second moments (adam, "
            "adamw), found one without. Choose another optimizer."
        )
    shared, _ = split(moments, owner)
    metric = {path: 1.0 / (jnp.sqrt(v) + 1e-8) for path, v in shared.items()}
    size = sum(leaf.size for leaf in metric.values())
    mean = sum(jnp.sum(leaf) for leaf in metric.values()) / max(size, 1)
    return {path: leaf / mean for path, leaf in metric.items()}


def second_moments(opt_state: PyTree) -> PyTree | None:
    """v of every parameter, where the optimizer keeps it."""
    if not isinstance(opt_state, RowState):
        return optax.tree.get(opt_state, "nu")
    rows = {path: getattr(s, "nu", None) for path, s in opt_state.rows.items()}
    dense = optax.tree.get(opt_state.dense, "nu")
    if dense is None or any(leaf is None for leaf in rows.values()):
        return None
    return join(rows, traverse_util.flatten_dict(dense))


def make_cut(
    granularity: str, model: nn.Module, variables: PyTree, batch: Batch
) -> Cut:
    """What `measure` needs to know; probes are zeros of the batch's shapes."""
    if granularity == "last_layer":
        return Cut(granularity, is_last=model.is_last)
    if granularity == "representation":
        return Cut(granularity, probes=_probes(model, variables, batch))
    return Cut(granularity)


def _probes(model: nn.Module, variables: PyTree, batch: Batch) -> PyTree:
    def apply(features):
        mutable = ["perturbations"]
        return model.apply(variables, features, train=False, mutable=mutable)[1]

    shapes = jax.eval_shape(apply, dict(batch.features)).get("perturbations", {})
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def per_layer(balancer: Balancer, num_layers: int) -> Balancer:
    """`balancer` on each of L layers by itself: gram [L, T, T] -> weights [L, T].

    Every layer has a state and, where the balancer needs one, a key of its own.
    """

    def init(num_tasks):
        state = balancer.init(num_tasks)
        return jax.tree.map(lambda x: jnp.stack([x] * num_layers), state)

    def update(signals, state, *, key=None):
        keys = None if key is None else jax.random.split(key, num_layers)

        def one(gram, state, key):
            return balancer.update(signals._replace(gram=gram), state, key=key)

        axes = (0, 0, None if key is None else 0)
        return jax.vmap(one, in_axes=axes)(signals.gram, state, keys)

    return balancer._replace(init=init, update=update)
