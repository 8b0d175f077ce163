"""Measure: one forward pass, and what a balancer needs to know of the gradients."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.gradients.choice import check_form, choose
from mtlx.gradients.cut import Cut
from mtlx.gradients.forward import Forward, forward, outline
from mtlx.gradients.ghost import ghost_grams
from mtlx.gradients.parameters import Flat, Owner, Path, join, split
from mtlx.gradients.recompute import block_grams
from mtlx.gradients.sketch import sketched_gram
from mtlx.gradients.stacked import group_gram, stacked
from mtlx.gradients.tape import Tape, record
from mtlx.gradients.trunk import Cotangents, combined, differentiate, filled
from mtlx.types import Array, Direction, Needs, PRNGKeyArray, PyTree, Signals


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


def measure(
    loss_fn: Callable[..., tuple[Array, Any]],
    params: PyTree,
    owner: Owner,
    needs: Needs,
    cut: Cut | None = None,
    *,
    gradients: str = "auto",
    num_probes: int = 16,
    key: PRNGKeyArray | None = None,
    remat: bool = False,
) -> Measurement:
    """Losses of one batch, and what else a balancer needs, from one forward pass.

    The operations of the loss function are divided into a trunk, that several tasks
    depend on, and a head for each task. Every head is pulled back once, and only what
    reaches the trunk is pulled back once a task. With ``needs`` empty nothing is pulled
    through the trunk before the weights are known, and the whole gradient costs one
    backward pass of the weighted sum.

    Args:
        loss_fn: params, or params and probes, -> (losses [T], aux); an entry "present"
            [T] of a mapping aux goes to the signals. An entry "penalty" [] is a part of
            the objective that is no task's loss: neither losses, gradients nor Gram
            matrix have it, and its gradient is added whatever the decision.
        params: parameter tree.
        owner: path of a parameter -> the one task that it serves, or None if shared.
        needs: `Balancer.needs`.
        cut: what the Gram matrix is taken over.
        gradients: the form in which the Gram matrix is computed. Exact, and equal to
            rounding: "vmap", "loop", "map" (`stacked`), "ghost" (`ghost_grams`),
            "recompute" (`block_grams`). An estimate: "sketch" (`sketched_gram`). "auto"
            takes the exact one that was the fastest for such sizes (`choose`).
        num_probes: random directions of the sketch.
        key: of the sketch.
        remat: run the trunk again for every backward pass, and keep its inputs alone.

    Raises:
        ValueError: see `check_form`; a sketch without a key; rematerialisation with
            "ghost", which reads the activations.
    """
    cut = cut or Cut()
    check_form(gradients, needs, cut.granularity, remat)
    if gradients == "sketch" and key is None and "gram" in needs:
        raise ValueError("gradients='sketch' expected a key, found None. Pass key=.")
    shared, own = split(params, owner)
    probes = cut.probe_inputs()
    structure = jax.tree.structure(cut.probes)

    def run(inputs):
        extra = [inputs[path] for path in probes]
        known = {path: inputs[path] for path in inputs if path not in probes}
        return loss_fn(
            join(known), *([jax.tree.unflatten(structure, extra)] if probes else [])
        )

    plan = outline(run, {**shared, **probes}, own)
    form = choose(gradients, needs, cut.granularity, plan.num_tasks, remat=remat)
    tapes = []

    def derive(operations):
        if form != "ghost":
            return differentiate(operations, remat)
        trunk, tape = record(operations)
        tapes.append(tape)
        return trunk

    seen = forward(plan, derive)
    signals = Signals(losses=seen.losses)
    if isinstance(seen.aux, Mapping):
        signals = signals._replace(present=seen.aux.get("present"))
    groups, rows = cut.groups(shared), None
    if form is not None:
        sketching = (key, num_probes)
        grams, rows = _measured(form, seen, tapes, groups, cut.metric, sketching)
        gram = jnp.stack(grams) if cut.granularity == "layer" else grams[0]
        signals = signals._replace(
            gram=gram if "gram" in needs else None,
            grads=rows if "grads" in needs else None,
        )
    penalty = None
    if seen.penalty is not None:
        penalty = _pulled(seen, seen.penalty, shared)

    def gradient(decision):
        part = _shared_gradient(decision, seen, rows, groups, shared)
        if penalty is not None:
            part = jax.tree.map(jnp.add, part, penalty)
        return join(part, seen.own)

    return Measurement(signals, gradient, seen.aux, penalty)


def _measured(
    form: str,
    seen: Forward,
    tapes: list[Tape],
    groups: list[list[Path]],
    metric: Flat | None,
    sketching: tuple[PRNGKeyArray | None, int],
) -> tuple[list[Array], Flat | None]:
    """G of each group; the stacked gradients, where the form has them."""
    trunk, cotangents = seen.trunk, seen.cotangents
    if not trunk.boundary:
        form = "loop"  # nothing is shared: T zeros
    if form == "ghost":
        operations = trunk.operations
        return ghost_grams(operations, *tapes, cotangents, groups, metric), None
    if form == "recompute":
        return block_grams(trunk, cotangents, groups, metric), None
    if form == "sketch":
        return [sketched_gram(trunk, cotangents, groups[0], metric, *sketching)], None
    paths = [path for group in groups for path in group]
    rows = stacked(form, trunk, cotangents, paths)
    return [group_gram(rows, group, len(cotangents), metric) for group in groups], rows


def _shared_gradient(
    decision: Array | Direction,
    seen: Forward,
    rows: Flat | None,
    groups: list[list[Path]],
    shared: Flat,
) -> Flat:
    """J^T w from the stacked gradients where they are all there, else by one more pull.

    By layer that is one pull a layer, each no further than the layer.
    """
    if isinstance(decision, Direction):
        return decision.gradient
    if rows is not None and set(rows) == set(shared):
        each = decision if decision.ndim == 2 else decision[None]
        parts = [
            tree.weighted_sum(weights, {path: rows[path] for path in group})
            for weights, group in zip(each, groups, strict=True)
        ]
        return {path: leaf for part in parts for path, leaf in part.items()}
    if decision.ndim == 1:
        return _pulled(seen, combined(decision, seen.cotangents), shared)
    return {
        path: leaf
        for weights, group in zip(decision, groups, strict=True)
        for path, leaf in _pulled(
            seen, combined(weights, seen.cotangents), group
        ).items()
    }


def _pulled(seen: Forward, cotangents: Cotangents, paths: Iterable[Path]) -> Flat:
    gradient = seen.trunk.pull(filled(cotangents, seen.trunk.boundary))
    return {path: gradient[path] for path in paths}
