"""What the architectures have in common: fields, towers, ownership of parameters."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.layer import Layer
from mtlx.models.tower import Tower
from mtlx.types import PIXEL_KINDS, Array, Bool, Float, Schema

TowerWidths = tuple[int, ...] | tuple[tuple[int, ...], ...]  # of all, or of each task


class MultiTaskModel(Layer):
    """y_k = tower_k(h_k), where an architecture is what makes h_1 .. h_T of a row.

    A subclass defines `represent` (or `__call__`, where its outputs are more than its
    towers') and, if not just its towers belong to one task alone, `owners`;
    `last_layers`, if it shares any; and it names with `self.probe` every shared value
    that something of one task's own, or its loss, reads. Together these are the shared
    representation, whose gradients MGDA-UB takes.

    Args:
        tasks: names of the tasks.
        outputs: outputs of each task's tower: 1, or the number of classes.
        encoder: makes the module that turns features into x [B, D]; called as
            `encoder(name=...)(features, train=train)`, e.g.
            `functools.partial(FeatureEncoder, ...)`.
        tower_widths: hidden layers of every tower; ((50,), (256,)): of each task's.
        schema: the features, for an architecture that reads columns by their name.
        activation, norm, dropout_rate, dtype: see `Layer`; they hold for all layers.

    Returns:
        `model.apply(variables, features, train=False)`: for each task float32 [B], or
        [B, C] for C > 1 outputs: logits or values. `train=True` needs
        `rngs={"dropout": key}` if dropout_rate > 0 or the architecture draws noise, and
        `mutable=["batch_stats"]` if norm is "batch".

    Raises:
        ValueError: no task, two tasks of one name, not one number of outputs a task, or
            an encoder that is a module and not a factory, or widths of some towers.

    >>> import functools
    >>> import jax
    >>> from mtlx.models import FeatureEncoder, MMoE
    >>> encoder = functools.partial(FeatureEncoder, cardinalities=(10, 20))
    >>> model = MMoE(tasks=("click", "stars"), outputs=(1, 5), encoder=encoder)
    >>> rows = {"categorical": jax.numpy.zeros((4, 2), "int32")}
    >>> outputs, variables = model.init_with_output(jax.random.key(0), rows)
    >>> {task: y.shape for task, y in outputs.items()}
    {'click': (4,), 'stars': (4, 5)}
    >>> [model.owner((name,)) for name in ("encoder", "experts", "gate_click")]
    [None, None, 'click']
    """

    min_outputs: ClassVar[int] = 1
    hides_item: ClassVar[bool] = False  # from the tasks of `Schema.foretold`
    own_widths: ClassVar[bool] = True  # whether towers may have shapes of their own

    tasks: tuple[str, ...]
    outputs: tuple[int, ...]
    encoder: Callable[..., nn.Module]
    tower_widths: TowerWidths = (32,)
    schema: Schema = Schema()

    def __post_init__(self):
        name = type(self).__name__
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise ValueError(
                f"{name}: expected tasks with names of their own, found {self.tasks}."
            )
        if len(self.outputs) != len(self.tasks) or (
            min(self.outputs) < self.min_outputs
        ):
            raise ValueError(
                f"{name}: expected one number of outputs >= {self.min_outputs} for "
                f"each task of {self.tasks}, found {self.outputs}; pass "
                f"tuple(task.outputs for task in tasks). Of a retrieval task that is "
                f"0: choose model=recommendation/two_tower or another of that group."
            )
        nested = [isinstance(width, tuple) for width in self.tower_widths]
        expected = len(self.tasks) if self.own_widths else 0
        if any(nested) and (not all(nested) or len(nested) != expected):
            raise ValueError(
                f"{name}: expected tower_widths to be numbers, or, where each task has "
                f"a tower of its own shape, a tuple for each of {self.tasks}, found "
                f"{self.tower_widths}."
            )
        if isinstance(self.encoder, nn.Module) or not callable(self.encoder):
            raise ValueError(
                f"{name}: expected encoder to be a factory, called as "
                f"encoder(name=...), found {self.encoder!r}; pass "
                f"functools.partial(FeatureEncoder, ...)."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> dict[str, Float[Array, "batch ..."]]:
        return self.towers(self.represent(features, train), train)

    @nn.nowrap
    def towers(
        self, hidden: Mapping[str, Float[Array, "batch units"]], train: bool
    ) -> dict[str, Float[Array, "batch ..."]]:
        """What the towers of the tasks in `hidden` say: y_k = tower_k(h_k)."""
        outputs = dict(zip(self.tasks, self.outputs, strict=True))

        def tower(task):
            return Tower(
                outputs=outputs[task],
                widths=self.widths_of(task),
                name=f"tower_{task}",
                **self.settings(),
            )

        order = [task for task in self.tasks if task in hidden]
        return {task: tower(task)(hidden[task], train=train) for task in order}

    @nn.nowrap
    def widths_of(self, task: str) -> tuple[int, ...]:
        """The hidden layers of a task's tower."""
        if any(isinstance(width, tuple) for width in self.tower_widths):
            return self.tower_widths[self.tasks.index(task)]
        return self.tower_widths

    @nn.nowrap
    def encode(
        self,
        features: Mapping[str, Array],
        train: bool,
        name: str = "encoder",
        **options: Any,
    ) -> Float[Array, "batch ..."]:
        """What the encoder `name` makes of the features: x [B, D].

        Args:
            features: of the batch.
            train: whether the encoder drops units.
            name: of the submodule; each name has parameters of its own.
            options: arguments of the encoder in place of those that it was given.
        """
        return self.encoder(name=name, **options)(features, train=train)

    @nn.nowrap
    def encode_columns(
        self,
        features: Mapping[str, Array],
        columns: tuple[int, ...],
        embedding_dim: int,
        name: str,
    ) -> Float[Array, "batch width"]:
        """Some categorical columns alone, read from a table of their own."""
        options = {
            "cardinalities": tuple(self.schema.cardinalities[c] for c in columns),
            "names": (),
            "fields": (),
            "embedding_dim": embedding_dim,
        }
        alone = {"categorical": features["categorical"][:, jnp.array(columns)]}
        return self.encode(alone, False, name, **options)

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        """What the tower of each task reads: h_k [B, D]."""
        raise NotImplementedError(f"{type(self).__name__} does not define represent.")

    @nn.nowrap
    def check_kinds(self, kinds: tuple[str, ...]) -> None:
        """Refuses kinds of tasks (`mtlx.tasks.Task.kind`) that have no meaning here.

        Raises:
            ValueError: such a kind; here, one with a label a pixel.
        """
        dense = [kind for kind in kinds if kind in PIXEL_KINDS]
        if dense:
            raise ValueError(
                f"{type(self).__name__}: expected tasks with a label a row, found "
                f"{', '.join(dense)}. Choose model=dense/shared_bottom or another of "
                f"the group dense/, with encoder=dense/segnet."
            )

    @nn.nowrap
    def untrained(self) -> tuple[str, ...]:
        """Tasks whose outputs are read, by metrics, and have no loss of their own."""
        return ()

    @nn.nowrap
    def hand_over(self, name: str, value: Float[Array, "batch"]) -> None:
        """Gives `auxiliary_losses` a value that is no output; elsewhere costs nothing.

        It goes to the collection "auxiliary", which the training step collects.
        """
        if not self.is_initializing():
            self.sow(
                "auxiliary",
                name,
                value,
                init_fn=lambda: None,
                reduce_fn=lambda _, latest: latest,
            )

    @nn.nowrap
    def auxiliary_losses(
        self,
        outputs: Mapping[str, Float[Array, "batch ..."]],
        handed: Mapping[str, Float[Array, "batch"]],
        labels: Mapping[str, Array],
        where: Mapping[str, Bool[Array, "batch"]],
    ) -> dict[str, tuple[Float[Array, "batch"], Bool[Array, "batch"]]]:
        """What the architecture adds to the losses of its tasks while training.

        Unlike a penalty (`penalise`) it may read labels, and it belongs to a task: it
        is in the loss, gradient and Gram matrix that a balancer weighs.

        Args:
            outputs: what the model returned.
            handed: what it handed over (`hand_over`).
            labels: of each task, 0 where they do not count.
            where: the rows where they do.

        Returns:
            task -> its addition by rows, the coefficient included, and the rows that
            it is the mean over, a function of `labels` and `where` alone; {} for none.
        """
        return {}

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        """Prefixes of parameter paths that influence one task only -> that task."""
        return {(f"tower_{task}",): task for task in self.tasks}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        """Prefixes of the parameters of the last shared layer, GradNorm's W."""
        return ()

    @nn.nowrap
    def is_last(self, path: tuple[str, ...]) -> bool:
        """Whether a parameter belongs to the last shared layer."""
        return any(path[: len(prefix)] == prefix for prefix in self.last_layers())

    @nn.nowrap
    def owner(self, path: tuple[str, ...]) -> str | None:
        """The task that alone depends on a parameter, or None if the tasks share it.

        Args:
            path: where the parameter is in the tree `variables["params"]`.

        Raises:
            ValueError: the path begins outside that tree, at "params".
        """
        if path[:1] == ("params",):
            raise ValueError(
                f"{type(self).__name__}.owner: expected a path inside the params tree, "
                f'found {path}; leave out the leading "params".'
            )
        if len(self.tasks) == 1:
            return self.tasks[0]
        owners = self.owners()
        prefixes = (path[:end] for end in range(1, len(path) + 1))
        found = (owners[prefix] for prefix in prefixes if prefix in owners)
        return next(found, self._owner_of_part(path))

    @nn.nowrap
    def _owner_of_part(self, path: tuple[str, ...]) -> str | None:
        """Of what encodes a data set with a single task, that task."""
        alone = {
            f"part_{part.name}": part.tasks[0]
            for part in self.schema.parts
            if len(part.tasks) == 1
        }
        return next((alone[name] for name in path if name in alone), None)
