"""Every balancer on a trajectory of its own, for the price of compiling a few steps.

The members' decisions are compiled once, on one device (`make_decide`). What differs
from one strategy of many devices to the next, measuring and applying, is the step of a
balancer that is *told* its decision and tells what it was shown, vmapped over the
members (`told`).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mtlx import balancers, tree
from mtlx.train import bilevel
from mtlx.types import Balancer, Direction, Signals

ARGUMENTS = {
    "pe_ltr": {"lower_bounds": 0.1},
    "krum": {"num_byzantine": 0, "num_selected": 2},
}


def every_balancer() -> dict[str, Balancer]:
    return {
        name: getattr(module, name)(**ARGUMENTS.get(name, {}))
        for module in (balancers, bilevel)
        for name in module.__all__
    }


class Told(NamedTuple):
    """The decision to come, and what the step measured."""

    decision: Any
    losses: Any
    gram: Any
    grads: Any
    cross_gram: Any
    present: Any
    after: Any


def told(apart: bool) -> Balancer:
    """Takes the next decision from its state, and keeps the signals there.

    It asks for cross_gram and is told weights if `apart`; else it asks for all other
    signals and is told directions.
    """
    needs = {"cross_gram"} if apart else {"gram", "grads", "losses_after"}

    def init(num_tasks, shared=None):
        row, square = jnp.zeros(num_tasks), jnp.zeros((num_tasks, num_tasks))
        present = jnp.zeros(num_tasks, bool)
        if apart:
            return Told(row, row, None, None, square, present, None)
        stacked = jax.tree.map(lambda x: jnp.stack([x] * num_tasks), shared)
        return Told(Direction(shared, row), row, square, stacked, None, present, row)

    def update(signals, state, *, key=None):
        kept = {name: getattr(signals, name) for name in Signals._fields[:5]}
        return state.decision, state._replace(**kept)

    def observe(losses, state):
        return state._replace(after=losses)

    # A rule that needs "grads" is started with the shared parameters.
    return Balancer(init, update, frozenset(needs), None if apart else observe)


def make_decide(members: dict[str, Balancer]):
    """(start, decide): the states of all members, and their decisions, stacked.

    `decide(states, told, epoch, key, first)` -> (decisions, states), of what `told`
    holds for each member; `told.after` is that of the step before.
    """
    rules = tuple(members.values())

    def start(num_tasks, shared):
        return tuple(
            rule.init(num_tasks, shared) if "grads" in rule.needs else rule.init(3)
            for rule in rules
        )

    @jax.jit
    def decide(states, seen, epoch, key):
        decisions, after = [], []
        for index, (rule, state) in enumerate(zip(rules, states, strict=True)):
            row = jax.tree.map(lambda x, i=index: x[i], seen)
            decision, state = _decide(rule, row, state, epoch, key)
            decisions.append(decision)
            after.append(state)
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *decisions), tuple(after)

    @jax.jit
    def observe(states, losses):
        return tuple(
            state if rule.observe is None else rule.observe(losses[index], state)
            for index, (rule, state) in enumerate(zip(rules, states, strict=True))
        )

    return start, decide, observe


def _decide(rule, seen, state, epoch, key):
    shown = seen._asdict()
    signals = Signals(**{k: shown[k] for k in Signals._fields[:5]}, epoch=epoch)
    drawn = {"key": key} if "key" in rule.needs else {}
    decision, state = rule.update(signals, state, **drawn)
    if seen.grads is not None and not isinstance(decision, Direction):
        decision = Direction(tree.weighted_sum(decision, seen.grads), decision)
    return decision, state
