"""A run on one device; also what a strategy of many devices has to define."""

from collections.abc import Callable
from typing import Any

import jax

from mtlx.data.feed import Feed
from mtlx.train.axis import ALONE, Axis
from mtlx.train.compiling import jit
from mtlx.types import Batch, PyTree


class OneDevice:
    """How a run lies on its device, and how its program is compiled.

    `axis` goes to `make_step`; `multiple` is what evaluation rounds the rows of its
    batches up to.
    """

    axis: Axis = ALONE
    multiple: int = 1

    def make_state(self, plan: Any, key: Any) -> Any:
        """The first state of a `mtlx.train.plan.Plan`, made where it will lie."""
        return jit(plan.start)(key, jit(plan.variables)(key))

    def place_feed(self, feed: Feed) -> Feed:
        """`feed`, with its arrays where the steps want them."""
        return feed

    def fetch(self, feed: Feed, arrays: PyTree, x: PyTree) -> Batch:
        """A step's batch, inside the program: the rows that the step's code sees."""
        return feed.fetch(arrays, x)

    def jit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` compiled; what it returns is on every device."""
        return jit(function)

    def compile(self, run: Callable[..., Any], state: Any, *args: Any) -> Callable:
        """`run(state, *args) -> (state, metrics)`, ahead of time; takes the state."""
        return jit(run, donate_argnums=0).lower(state, *args).compile()

    def place_rows(self, batches: PyTree) -> PyTree:
        """Stacked batches [steps, rows, ...] for evaluation."""
        return jax.tree.map(jax.numpy.asarray, batches)
