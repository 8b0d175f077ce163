"""One batch measured in parts, one after another, as if it were measured at once."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.gradients.cut import Cut
from mtlx.gradients.measurement import Measurement, measure
from mtlx.gradients.parameters import Flat, Owner, join, split
from mtlx.gradients.stacked import group_gram
from mtlx.types import Array, Direction, Needs, PyTree, Signals

PartLosses = Callable[[PyTree, PyTree, PyTree], tuple[Array, Mapping[str, Any]]]


def measure_accumulated(
    loss_fn: PartLosses,
    params: PyTree,
    owner: Owner,
    needs: Needs,
    cut: Cut,
    parts: PyTree,
    carry: PyTree,
    *,
    gradients: str = "auto",
    remat: bool = False,
) -> Measurement:
    """What `measure` gives on a batch, with the activations of one part at a time.

    With the losses of part m as their share of the whole, L = sum_m L_m, the gradients
    are J = sum_m J_m, and only then G = J J^T: it is quadratic, so that no sum of the
    parts' own Gram matrices would do. The T gradients are held, of the activations a
    part's. Where the balancer needs losses alone, these are computed first and the
    weighted gradient in a second pass, which holds one gradient.

    Args:
        loss_fn: (params, part, carry) -> (this part's share of the losses [T], aux);
            of aux, "carry" goes to the next part, of "present" [T] the union is taken,
            and a "penalty" [] is summed like the losses.
        params, owner, needs, gradients, remat: as in `measure`; the form is a stacked
            one.
        cut: not of the representation, which has other entries in every part.
        parts: leaves [M, ...].
        carry: of the first part.
    """

    def one(part, carry, needs):
        def losses(params):
            return loss_fn(params, part, carry)

        return measure(losses, params, owner, needs, gradients=gradients, remat=remat)

    num_tasks = _num_tasks(loss_fn, params, parts, carry)
    if not needs & {"gram", "grads"}:
        return _weighted_later(loss_fn, one, params, owner, parts, carry, num_tasks)

    def body(state, part):
        total, carry = state
        measured = one(part, carry, frozenset({"grads"}))
        signals, plain = measured.signals, measured.gradient(jnp.zeros(num_tasks))
        found = signals.losses, signals.grads, plain
        return (_add(total, found), measured.aux["carry"]), _reported(measured.aux)

    shared, own = split(params, owner)
    start = (jnp.zeros(num_tasks), _rows(num_tasks, shared), _zeros(params))
    (totals, last), reported = jax.lax.scan(body, (start, carry), parts)
    losses, rows, plain = totals
    groups = cut.groups(shared)
    grams = [group_gram(rows, group, num_tasks, cut.metric) for group in groups]
    gram = jnp.stack(grams) if cut.granularity == "layer" else grams[0]
    signals = Signals(
        losses=losses,
        gram=gram if "gram" in needs else None,
        grads=rows if "grads" in needs else None,
    )

    def gradient(decision):
        if isinstance(decision, Direction):
            moved = decision.gradient
        elif decision.ndim == 1:
            moved = tree.weighted_sum(decision, rows)
        else:
            moved = _by_layer(decision, rows, groups)
        return _add(plain, join(moved, _zeros(own)))

    penalty = split(plain, owner)[0] if "penalty" in reported else None
    return _measurement(signals, gradient, reported, last, penalty)


def accumulated_losses(
    loss_fn: PartLosses, params: PyTree, parts: PyTree, carry: PyTree
) -> tuple[Array, dict[str, Array], PyTree]:
    """Losses [T] of the whole batch, what the parts report, and the last carry."""

    def body(state, part):
        total, carry = state
        losses, aux = loss_fn(params, part, carry)
        return (total + losses, aux["carry"]), _reported(aux)

    start = jnp.zeros(_num_tasks(loss_fn, params, parts, carry))
    (losses, last), reported = jax.lax.scan(body, (start, carry), parts)
    return losses, reported, last


def _weighted_later(loss_fn, one, params, owner, parts, carry, num_tasks):
    """Losses first, then the gradient of their weighted sum."""
    losses, reported, last = accumulated_losses(loss_fn, params, parts, carry)

    def total(decision):
        def body(state, part):
            total, carry = state
            measured = one(part, carry, frozenset())
            found = measured.gradient(decision)
            return (_add(total, found), measured.aux["carry"]), None

        return jax.lax.scan(body, (_zeros(params), carry), parts)[0][0]

    penalty = None
    if "penalty" in reported:
        penalty = split(total(jnp.zeros(num_tasks)), owner)[0]
    return _measurement(Signals(losses), total, reported, last, penalty)


def _measurement(signals, gradient, reported, last, penalty) -> Measurement:
    aux = {"carry": last}
    if "present" in reported:
        signals = signals._replace(present=jnp.any(reported["present"], axis=0))
        aux["present"] = signals.present
    if "penalty" in reported:
        aux["penalty"] = jnp.sum(reported["penalty"])
    return Measurement(signals, gradient, aux, penalty)


def _by_layer(weights: Array, rows: Flat, groups: list) -> Flat:
    parts = [
        tree.weighted_sum(w, {path: rows[path] for path in group})
        for w, group in zip(weights, groups, strict=True)
    ]
    return {path: leaf for part in parts for path, leaf in part.items()}


def _num_tasks(loss_fn, params, parts, carry) -> int:
    def losses(parts):
        part = jax.tree.map(lambda leaf: leaf[0], parts)
        return loss_fn(params, part, carry)[0]

    return jax.eval_shape(losses, parts).shape[0]


def _reported(aux: Mapping[str, Any]) -> dict[str, Array]:
    return {name: aux[name] for name in ("present", "penalty") if name in aux}


def _add(left: PyTree, right: PyTree) -> PyTree:
    return jax.tree.map(jnp.add, left, right)


def _zeros(like: PyTree) -> PyTree:
    return jax.tree.map(jnp.zeros_like, like)


def _rows(num_tasks: int, shared: Flat) -> Flat:
    return jax.tree.map(lambda x: jnp.zeros((num_tasks, *x.shape), x.dtype), shared)
