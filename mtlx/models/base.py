"""What the architectures have in common: fields, towers, ownership of parameters."""

from collections.abc import Callable, Mapping

import flax.linen as nn

from mtlx.models.layer import Layer
from mtlx.models.tower import Tower
from mtlx.types import Array, Float


class MultiTaskModel(Layer):
    """y_k = tower_k(h_k), where an architecture is what makes h_1 .. h_T of a row.

    A subclass defines `represent` and, if more than its towers belong to one task
    alone, `owners`; `last_layers`, if it shares any; and in `represent` it names with
    `self.probe` every shared value that something of one task's own reads. Together
    these are the shared representation, whose gradients MGDA-UB takes.

    Args:
        tasks: names of the tasks.
        outputs: outputs of each task's tower: 1, or the number of classes.
        encoder: makes the module that turns features into x [B, D]; called as
            `encoder(name=...)`, e.g. `functools.partial(FeatureEncoder, ...)`.
        tower_widths: hidden layers of every tower.
        activation, norm, dropout_rate, dtype: see `Layer`; they hold for all layers.

    Returns:
        `model.apply(variables, features, train=False)`: for each task float32 [B], or
        [B, C] for C > 1 outputs: logits or values. `train=True` needs
        `rngs={"dropout": key}` if dropout_rate > 0 or the architecture draws noise, and
        `mutable=["batch_stats"]` if norm is "batch".

    Raises:
        ValueError: no task, two tasks of one name, not one number of outputs a task, or
            an encoder that is a module and not a factory.

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

    tasks: tuple[str, ...]
    outputs: tuple[int, ...]
    encoder: Callable[..., nn.Module]
    tower_widths: tuple[int, ...] = (32,)

    def __post_init__(self):
        name = type(self).__name__
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise ValueError(
                f"{name}: expected tasks with names of their own, found {self.tasks}."
            )
        if len(self.outputs) != len(self.tasks) or min(self.outputs) < 1:
            raise ValueError(
                f"{name}: expected one number of outputs >= 1 for each task of "
                f"{self.tasks}, found {self.outputs}; pass "
                f"tuple(task.outputs for task in tasks)."
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
        hidden = self.represent(features, train)
        return {
            task: Tower(
                outputs=outputs,
                widths=self.tower_widths,
                name=f"tower_{task}",
                **self.settings(),
            )(hidden[task], train=train)
            for task, outputs in zip(self.tasks, self.outputs, strict=True)
        }

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        """What the tower of each task reads: h_k [B, D]."""
        raise NotImplementedError(f"{type(self).__name__} does not define represent.")

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
        return next((owners[prefix] for prefix in prefixes if prefix in owners), None)
