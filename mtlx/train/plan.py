"""From the parts of a run to its pure functions: what is trained, step by step."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mtlx.data.feed import Feed
from mtlx.gradients import Path, layers, split
from mtlx.models import find_tables
from mtlx.tasks import Task
from mtlx.train.axis import ALONE, Axis
from mtlx.train.granularity import check_granularity, per_layer
from mtlx.train.measuring import Measuring
from mtlx.train.optimizers import RowWise, bind
from mtlx.train.optimizers.per_task import Optimizer, needs_of
from mtlx.train.program import cut_epoch
from mtlx.train.state import Step, TrainState, init_variables, start_state
from mtlx.train.step import make_step
from mtlx.types import Balancer, Batch, PRNGKeyArray, PyTree


class Settings(NamedTuple):
    """How a step is made, see `mtlx.train.fit`."""

    max_chunk_steps: int = 200
    granularity: str = "all"
    gradients: str = "auto"
    num_probes: int = 16
    remat: bool = False
    accumulate: int = 1
    compute_dtype: str | None = None
    warm_start: Callable[[PyTree], PyTree] | None = None

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> "Settings":
        """The settings among the arguments of `fit`."""
        return cls(**{k: v for k, v in arguments.items() if k in cls._fields})

    @property
    def measuring(self) -> Measuring:
        """The options of the gradients."""
        return Measuring(self.gradients, self.num_probes, self.remat, self.accumulate)

    def cast(self, model: nn.Module) -> nn.Module:
        """The model in the dtype that layers compute in; parameters stay float32."""
        if self.compute_dtype is None:
            return model
        return model.clone(dtype=self.compute_dtype)

    def cut(self, feed: Feed) -> tuple[int, int]:
        """(chunks, steps a chunk) of an epoch."""
        return cut_epoch(feed.steps_per_epoch, self.max_chunk_steps)


class Plan(NamedTuple):
    """`step(state, batch) -> (state, metrics)`, and what makes the first state.

    That is two functions: the first takes long to compile and is the same program
    whatever the balancer and optimizer, so that a sweep compiles it once.
    """

    variables: Callable[[PRNGKeyArray], PyTree]
    start: Callable[[PRNGKeyArray, PyTree], TrainState]
    step: Step

    def init(self, key: PRNGKeyArray) -> TrainState:
        """The first state."""
        return self.start(key, self.variables(key))


def make_plan(
    model: nn.Module,
    balancer: Balancer,
    optimizer: Optimizer,
    tasks: tuple[Task, ...],
    feed: Feed,
    settings: Settings,
    axis: Axis = ALONE,
) -> Plan:
    """The two pure functions of a run; refuses parts that do not go together.

    `axis` is that of `make_step`; the other arguments are as in `fit`.
    """
    check_sizes(num_probes=settings.num_probes, accumulate=settings.accumulate)
    tables = _tables(optimizer, model, feed)
    optimizer = bind(optimizer, len(tasks), model.owner, tables)
    balancer, granularity = _at_grain(
        balancer, settings.granularity, model, optimizer, feed
    )
    measuring = settings.measuring
    measuring.check(needs_of(optimizer, balancer), granularity)
    steps_per_epoch = math.prod(settings.cut(feed))
    step = make_step(
        model,
        tasks,
        optimizer,
        balancer,
        steps_per_epoch,
        granularity,
        axis,
        measuring,
    )

    def variables(key):
        return init_variables(model, empty_batch(feed), key)

    def start(key, variables):
        parts = (model, optimizer, balancer, len(tasks))
        return start_state(*parts, key, variables, settings.warm_start)

    return Plan(variables, start, step)


def empty_batch(feed: Feed) -> Batch:
    """A batch of zeros, for its shapes."""

    def first(arrays):
        order = feed.order(jax.random.key(0))
        return feed.fetch(arrays, jax.tree.map(lambda x: x[0], order))

    shapes = jax.eval_shape(first, feed.arrays)
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def _tables(
    optimizer: Optimizer, model: nn.Module, feed: Feed
) -> tuple[Path, ...] | None:
    """What a row-wise optimizer must know; tracing the model takes a while."""
    if not isinstance(optimizer, RowWise):
        return None
    return find_tables(model, empty_batch(feed).features)


def _at_grain(
    balancer: Balancer,
    granularity: str,
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    feed: Feed,
) -> tuple[Balancer, str]:
    """The balancer and the granularity that hold for this model."""
    check_granularity(granularity, balancer, optimizer)
    if "gram" not in balancer.needs:
        return balancer, "all"  # nothing is measured: every grain is the same
    if granularity != "layer":
        return balancer, granularity
    variables = jax.eval_shape(
        lambda: init_variables(model, empty_batch(feed), jax.random.key(0))
    )
    shared = layers(split(variables["params"], model.owner)[0])
    if not shared:
        return balancer, "all"
    return per_layer(balancer, len(shared)), granularity


def check_sizes(**sizes: int) -> None:
    """Refuses a count or size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"Expected {name} >= 1, found {size}.")
