"""Measure: one forward pass, and the gradients of every task from it.

The parameters are split once into *shared* ones, that two or more tasks depend on, and
*own* ones, that a single task depends on (the model says which). A balancer weighs the
tasks on the shared parameters alone; own parameters get their task's plain gradient,
whatever its weight.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import traverse_util

from mtlx import tree
from mtlx.types import Array, Direction, Float, Needs, PyTree, Signals

Path = tuple[str, ...]
Flat = dict[Path, Any]  # arrays, or their shapes
Owner = Callable[[Path], str | None]
GRANULARITIES = ("all", "layer", "last_layer", "representation")


class Cut(NamedTuple):
    """What the Gram matrix is taken over; the default is all shared parameters.

    * "all": G = J J^T over every shared parameter.
    * "layer": one G [L, T, T] for each of the L modules that hold shared parameters,
      each with weights of its own.
    * "last_layer": over the parameters for which `is_last(path)` (GradNorm's W).
    * "representation": over `probes`, zeros that the model adds to its shared
      representation (MGDA-UB); the loss function takes them as second argument.

    `metric` {path: array} is the diagonal of P where G = J P J^T is asked for.

    The last two measure on something small: the T one-hot cotangents are pulled back no
    further than that, and one backward pass of the weighted sum gives the gradient.
    """

    granularity: str = "all"
    is_last: Callable[[Path], bool] = lambda path: False
    probes: PyTree = ()
    metric: Flat | None = None


class Measurement(NamedTuple):
    """What the forward and backward passes give.

    `gradient(decision)` is the gradient of every parameter: J^T w for the shared ones,
    where the decision is weights w ([L, T] by layer), or the gradient of a `Direction`;
    the plain task gradient for the own ones. To both comes that of the penalty, whose
    part on the shared parameters is `penalty` too; None where the model has none.
    """

    signals: Signals
    gradient: Callable[[Array | Direction], PyTree]
    aux: Any
    penalty: Flat | None = None


def split(params: PyTree, owner: Owner) -> tuple[Flat, Flat]:
    """Shared and own parameters, each as {path: array}."""
    flat = traverse_util.flatten_dict(params)
    shared = {path: leaf for path, leaf in flat.items() if owner(path) is None}
    own = {path: leaf for path, leaf in flat.items() if path not in shared}
    return shared, own


def join(*parts: Flat) -> PyTree:
    """The parameter tree that `split` took apart."""
    return traverse_util.unflatten_dict(
        {k: v for part in parts for k, v in part.items()}
    )


def layers(shared: Mapping[Path, Any]) -> list[Path]:
    """The modules that hold shared parameters, as their paths."""
    return sorted({path[:-1] for path in shared})


def measure(
    loss_fn: Callable[..., tuple[Array, Any]],
    params: PyTree,
    owner: Owner,
    needs: Needs,
    cut: Cut | None = None,
) -> Measurement:
    """Losses of one batch, and what else a balancer needs, from one forward pass.

    With ``needs`` empty nothing is pulled back before the weights are known, and the
    whole gradient costs one backward pass of the weighted sum. With "gram" or "grads",
    the T one-hot cotangents are pulled back at once (a vmapped vjp).

    Args:
        loss_fn: params, or params and probes, -> (losses [T], aux); an entry "present"
            [T] of a mapping aux goes to the signals. An entry "penalty" [] is a part of
            the objective that is no task's loss: neither losses, gradients nor Gram
            matrix have it, and its gradient is added whatever the decision.
        params: parameter tree.
        owner: path of a parameter -> the one task that it serves, or None if shared.
        needs: `Balancer.needs`.
        cut: what the Gram matrix is taken over.
    """
    cut = cut or Cut()
    shared, own = split(params, owner)
    inner = {path: leaf for path, leaf in shared.items() if cut.is_last(path)}
    outer = {path: leaf for path, leaf in shared.items() if path not in inner}
    extra = (cut.probes,) if cut.granularity == "representation" else ()

    def run(inner, outer, own, *probes):
        losses, aux = loss_fn(join(inner, outer, own), *probes)
        penalty = aux.get("penalty") if isinstance(aux, Mapping) else None
        return (losses, 0.0 if penalty is None else penalty), aux

    primals = (inner, outer, own, *extra)
    (losses, _), pull_both, aux = jax.vjp(run, *primals, has_aux=True)

    def pull(weights, penalty=0.0):
        return pull_both((weights, jnp.float32(penalty)))

    # Own parameters of task t meet no other loss, so a cotangent of ones gives each its
    # plain gradient. XLA drops the parts of a pull that are not used.
    plain = pull(jnp.ones_like(losses), penalty=1.0)[2]
    signals, penalty = Signals(losses=losses), None
    if isinstance(aux, Mapping):
        signals = signals._replace(present=aux.get("present"))
        if "penalty" in aux:
            inner_part, outer_part, *_ = pull(jnp.zeros_like(losses), penalty=1.0)
            penalty = {**inner_part, **outer_part}

    def weighted(decision):
        if isinstance(decision, Direction):
            return join(_plus(decision.gradient, penalty), plain)
        inner, outer, *_ = pull(decision, penalty=1.0)
        return join(inner, outer, plain)

    if not needs & {"gram", "grads"}:
        return Measurement(signals, weighted, aux, penalty)
    num_tasks = losses.shape[0]
    if cut.granularity in ("last_layer", "representation"):
        place = 0 if cut.granularity == "last_layer" else 3
        stacked = _stack(lambda c: pull(c)[place], num_tasks)
        gram = tree.gram(stacked, num_tasks, metric=_part(cut.metric, stacked))
        return Measurement(signals._replace(gram=gram), weighted, aux, penalty)
    stacked = _stack(lambda c: {**pull(c)[0], **pull(c)[1]}, num_tasks)
    if cut.granularity == "layer":
        return _by_layer(signals, stacked, plain, aux, penalty, cut.metric)
    metric = _part(cut.metric, stacked)
    signals = signals._replace(
        gram=tree.gram(stacked, num_tasks, None, metric) if "gram" in needs else None,
        grads=stacked if "grads" in needs else None,
    )

    def gradient(decision):
        if isinstance(decision, Direction):
            return join(_plus(decision.gradient, penalty), plain)
        return join(_plus(tree.weighted_sum(decision, stacked), penalty), plain)

    return Measurement(signals, gradient, aux, penalty)


def measure_cross_gram(
    loss_fns: Sequence[Callable[[PyTree], tuple[Array, Any]]],
    params: PyTree,
    owner: Owner,
) -> Float[Array, "tasks tasks"]:
    """J_1 J_2^T of two batches: E[J_1 J_2^T] = E[J] E[J]^T, which no J J^T gives.

    Args:
        loss_fns: two functions as `measure` takes, on independent rows.
        params: parameter tree.
        owner: as in `measure`.
    """
    shared, own = split(params, owner)
    stacks = []
    for loss_fn in loss_fns:
        losses, pull, _ = jax.vjp(
            lambda s, f=loss_fn: f(join(s, own)), shared, has_aux=True
        )
        stacks.append(_stack(lambda c, p=pull: p(c)[0], losses.shape[0]))
    return tree.gram(stacks[0], losses.shape[0], stacks[1])


def _stack(pull: Callable[[Array], PyTree], num_tasks: int) -> PyTree:
    """The gradients of all tasks, pulled back at once: each leaf [T, ...]."""
    return jax.vmap(pull)(jnp.eye(num_tasks))


def _plus(gradient: Flat, penalty: Flat | None) -> Flat:
    return gradient if penalty is None else jax.tree.map(jnp.add, gradient, penalty)


def _part(metric: Flat | None, stacked: PyTree) -> Flat | None:
    """The metric of the parameters that were measured."""
    return None if metric is None else {path: metric[path] for path in stacked}


def _by_layer(
    signals: Signals,
    stacked: Flat,
    plain: Flat,
    aux: Any,
    penalty: Flat | None,
    metric: Flat | None,
) -> Measurement:
    """One Gram matrix, and one row of weights, for each layer."""
    num_tasks = signals.losses.shape[0]
    blocks = {
        layer: {path: leaf for path, leaf in stacked.items() if path[:-1] == layer}
        for layer in layers(stacked)
    }
    grams = [
        tree.gram(block, num_tasks, metric=_part(metric, block))
        for block in blocks.values()
    ]

    def gradient(weights):
        rows = zip(weights, blocks.values(), strict=True)
        shared = {k: v for w, b in rows for k, v in tree.weighted_sum(w, b).items()}
        return join(_plus(shared, penalty), plain)

    signals = signals._replace(gram=jnp.stack(grams))
    return Measurement(signals, gradient, aux, penalty)
