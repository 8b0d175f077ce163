"""Array aliases and the records that pass between the parts of mtlx; no logic.

`jaxtyping` is needed to check shapes (the tests do), not to run: on an accelerator
image that lacks it the annotations below are inert.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

try:
    from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt
except ModuleNotFoundError:

    class _Unchecked:
        def __class_getitem__(cls, _):
            return Any

    Array = jax.Array
    Bool = Float = Int = UInt = _Unchecked
    PRNGKeyArray = Any

__all__ = [
    "Array",
    "Balancer",
    "Batch",
    "Bool",
    "Direction",
    "Field",
    "Float",
    "Int",
    "LOG_Q",
    "Needs",
    "PIXEL_KINDS",
    "PRNGKeyArray",
    "Part",
    "PyTree",
    "Schema",
    "Signals",
    "UInt",
]

PyTree = Any

# Kinds of tasks (`mtlx.tasks.Task.kind`) that have a label a pixel.
PIXEL_KINDS = ("segmentation", "depth", "normals")

# Feature: log of the share that the row's item has of the training split (logQ).
LOG_Q = "log_q"


class Signals(NamedTuple):
    """What one training step measures and a balancer decides on.

    Everything is float32. Only `losses` is always there; the other fields hold what
    the balancer's `needs` asked for, and None otherwise.
    """

    losses: Array  # [T] mean loss of each task over its own rows
    gram: Array | None = None  # [T, T] G = J J^T over the shared parameters
    grads: PyTree | None = None  # shared gradients J, each leaf stacked to [T, ...]
    cross_gram: Array | None = None  # [T, T] J_1 J_2^T of two independent batches
    present: Array | None = None  # [T] bool, False: no row of the task in this batch
    epoch: Array | None = None  # [] int32, number of the running epoch
    lookahead: Any = None  # losses of two halves as functions: mtlx.train.bilevel


class Direction(NamedTuple):
    """The update direction of a rule that is no J^T w of this step's gradients."""

    gradient: PyTree  # of the shared parameters' structure
    weights: Array  # [T] the effective task weights, for the logs


# A subset of {"gram", "grads", "cross_gram", "key", "losses_after", "metric",
# "lookahead"}; "metric" asks for the Gram matrix in the optimizer's metric.
Needs = frozenset[str]


class Balancer(NamedTuple):
    """A rule that turns `Signals` into task weights.

    `init(num_tasks) -> state` and
    `update(signals, state, *, key=None) -> (weights [T] float32, state)` are pure.
    `needs` is a static fact: the training step measures nothing that it does not name.

    Few rules go beyond that. One that needs "grads" is started with the shared
    parameters too, `init(num_tasks, shared)`, for a state of their shape, and may
    return a `Direction` in place of weights. One that needs "losses_after" has
    `observe(losses [T], state) -> state`: it is told the losses of the same batch after
    the step.
    """

    init: Callable[..., PyTree]
    update: Callable[..., tuple[Array | Direction, PyTree]]
    needs: Needs = frozenset()
    observe: Callable[[Array, PyTree], PyTree] | None = None


class Field(NamedTuple):
    """An input of its own beside the categorical and numeric columns: one of many ids,
    a behaviour sequence, a text, an image, a vector that another model made, or one of
    the arrays that make up a graph.

    `Batch.features[name]` is [B, *shape]. Ids are int32 and -1 is padding, at the end;
    id 0 stands for what the training split does not hold.
    """

    name: str
    kind: str  # "bag", "sequence", "text", "image", "vector" or "graph"
    shape: tuple[int, ...]  # (L,) ids, (L, C) sequence, (H, W, C) image, (D,) vector
    sizes: tuple[int, ...] = ()  # numbers of ids: of each column of a sequence
    shared: tuple[str | None, ...] = ()  # categorical columns whose tables are read


class Part(NamedTuple):
    """One of the data sets that a joint data set is made of (`mtlx.data.joint`).

    Its features are called "<name>/<feature>" in a batch.
    """

    name: str
    schema: Any  # the `Schema` of its own features
    tasks: tuple[str, ...]


class Schema(NamedTuple):
    """What an encoder, and a model that reads single columns, know of the features.

    `cardinalities[f]` counts the ids of categorical column f, with id 0 kept for values
    that the training split does not hold; `numericals` counts the numeric columns.
    `domain` names the column that says which domain (scenario, country, tab) a row is
    of, and `personal` those that say whom and what it is about (user, item, author):
    the defaults of the models that ask for such columns. `item` names the columns and
    fields that describe the item of a row, first the column whose ids number the items:
    what a retrieval task finds; all else is the query. `foretold` names the tasks whose
    label is that item or a fact of it, in rows that show it: no answer to them may read
    the item. `fields` are the inputs that are no single id or number. `parts`, of a
    joint data set, are instead of all these.
    """

    cardinalities: tuple[int, ...] = ()
    numericals: int = 0
    names: tuple[str, ...] = ()  # of the categorical columns; () if they have none
    domain: str | None = None
    personal: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    parts: tuple[Part, ...] = ()
    item: tuple[str, ...] = ()
    foretold: tuple[str, ...] = ()


class Batch(NamedTuple):
    """Rows of a data set: a training batch, or a whole split.

    `features` holds the encoder's inputs, e.g. "categorical" [B, F] int32 and
    "numerical" [B, N] float32. `labels` and `where` have one entry a task; a row counts
    for a task (loss, gradient and metric) exactly where `where[task]` is True. `groups`
    are whole numbers that say which rows a grouped metric compares with one another,
    e.g. those of one user. A training split has them where a task's loss is of lists
    (kind "ranking"): the rows of a group then come together.
    """

    features: Mapping[str, Any]
    labels: Mapping[str, Any]  # task -> [B], or [B, H, W] and more: one a pixel
    where: Mapping[str, Any]  # task -> [B] bool
    groups: Any = None  # [B]
