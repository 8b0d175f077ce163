"""The compiled programs of a population: N runs side by side on a leading axis."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from mtlx.data.catalogue import Catalogues
from mtlx.data.feed import Feed
from mtlx.tasks import Task
from mtlx.train.compiling import jit
from mtlx.train.inspect import Sums, inspect_sums
from mtlx.train.plan import Settings, make_plan
from mtlx.train.ranking import make_forward
from mtlx.train.state import order_key
from mtlx.types import Array, Balancer, PyTree


class Recipe(NamedTuple):
    """The parts of one run whose numbers may differ from member to member."""

    model: nn.Module
    balancer: Balancer
    optimizer: Any  # `mtlx.train.optimizers.per_task.Optimizer`


Build = Callable[[Mapping[str, Array]], Recipe]


class Lanes(NamedTuple):
    """N members in one program for each thing that a run does.

    `numbers` is {name: [N]}; states, keys, variables and orders have a leading axis of
    N, and so have arrays and features where each member has data of its own.
    """

    variables: Callable[..., PyTree]  # (numbers, keys) -> initial variables
    start: Callable[..., PyTree]  # (numbers, keys, variables) -> states
    order: Callable[..., PyTree]  # (keys, epoch) -> orders
    run: Callable[..., Any]  # (numbers, states, arrays, orders, chunk), not jitted
    apply: Callable[..., dict[str, Array]]  # (numbers, variables, features)
    inspect: Callable[..., Sums]  # (numbers, variables, features, number of rows)


def make_lanes(
    build: Build,
    tasks: tuple[Task, ...],
    feed: Feed,
    settings: Settings,
    own_data: bool,
    catalogues: Catalogues,
) -> Lanes:
    """The programs; nothing is compiled yet.

    Args:
        build: the numbers of a member -> its parts, called while tracing.
        tasks: of the data set.
        feed: of one member.
        settings: as `make_plan` takes them.
        own_data: whether each member has data of its own, or all share one.
        catalogues: of the data set.
    """
    forward = make_forward(tasks, catalogues)
    data = 0 if own_data else None
    _, chunk_steps = settings.cut(feed)

    def recipe(numbers):
        parts = build(numbers)
        return parts._replace(model=settings.cast(parts.model))

    def plan(numbers):
        return make_plan(*recipe(numbers), tasks, feed, settings)

    def variables(numbers, key):
        return plan(numbers).variables(key)

    def start(numbers, key, variables):
        return plan(numbers).start(key, variables)

    def order(key, epoch):
        return feed.order(order_key(key, epoch))

    def run(numbers, state, arrays, inputs, chunk):
        step, first = plan(numbers).step, chunk * chunk_steps
        inputs = jax.tree.map(
            lambda x: jax.lax.dynamic_slice_in_dim(x, first, chunk_steps), inputs
        )
        return jax.lax.scan(lambda s, x: step(s, feed.fetch(arrays, x)), state, inputs)

    def apply(numbers, variables, features):
        return forward(recipe(numbers).model, variables, features)

    def inspect(numbers, variables, features, total):
        return inspect_sums(recipe(numbers).model, variables, features, total)

    return Lanes(
        variables=jit(jax.vmap(variables)),
        start=jit(jax.vmap(start)),
        order=jit(jax.vmap(order, in_axes=(0, None))),
        run=jax.vmap(run, in_axes=(0, 0, data, 0, None)),
        apply=jit(jax.vmap(apply, in_axes=(0, 0, data))),
        inspect=jit(jax.vmap(inspect, in_axes=(0, 0, data, None))),
    )
