"""The compiled programs of a population: N runs on a leading axis.

All lie side by side, or a block of them does, one block after another: on a CPU, where
parameters and activations of a block stay in the cache through a chunk of steps, that
is faster (docs/benchmarks/notes.md).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from mtlx.data.catalogue import Catalogues
from mtlx.data.feed import Feed
from mtlx.tasks import Task
from mtlx.train.compiling import jit
from mtlx.train.inspect import Sums, inspect_sums
from mtlx.train.parallel import Mesh, map_members
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
    # The same with so many members side by side on each device of a mesh, if any; asked
    # for again, the same programs.
    in_blocks: Callable[[int, Mesh | None], "Lanes"]


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

    @functools.cache
    def in_blocks(size, mesh):
        return whole._replace(
            run=_in_blocks(run, (0, 0, data, 0, None), size, mesh),
            apply=jit(_in_blocks(apply, (0, 0, data), size, mesh)),
            inspect=jit(_in_blocks(inspect, (0, 0, data, None), size, mesh)),
        )

    whole = Lanes(
        variables=jit(jax.vmap(variables)),
        start=jit(jax.vmap(start)),
        order=jit(jax.vmap(order, in_axes=(0, None))),
        run=jax.vmap(run, in_axes=(0, 0, data, 0, None)),
        apply=jit(jax.vmap(apply, in_axes=(0, 0, data))),
        inspect=jit(jax.vmap(inspect, in_axes=(0, 0, data, None))),
        in_blocks=in_blocks,
    )
    return whole


def _in_blocks(
    function: Callable[..., PyTree],
    axes: tuple[int | None, ...],
    size: int,
    mesh: Mesh | None,
) -> Callable[..., PyTree]:
    """`jax.vmap(function, axes)`, on each device `size` members at a time."""

    def run(*arguments):
        given = tuple(zip(arguments, axes, strict=True))

        def one(members):
            own = iter(members)
            return function(*(x if axis is None else next(own) for x, axis in given))

        members = tuple(x for x, axis in given if axis is not None)
        return jax.lax.map(one, members, batch_size=size)

    return run if mesh is None else map_members(run, axes, mesh)
