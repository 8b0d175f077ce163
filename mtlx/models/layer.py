"""What all layers have in common: settings, and what follows an affine map."""

from collections.abc import Callable
from typing import Any, Literal

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.dropout import Dropout, check_rate
from mtlx.types import Array, Float

Norm = Literal["none", "layer", "batch"]
NORMS: tuple[str, ...] = ("none", "layer", "batch")

# Runs are short (a few thousand steps): linen's default of .99 would evaluate with
# statistics that still remember the initial values.
BATCH_NORM_MOMENTUM = 0.9


class Layer(nn.Module, kw_only=True):
    """Base of the modules here: z -> dropout(activation(norm(z))) after an affine map.

    Args:
        activation: elementwise function.
        norm: "none", "layer" (over the units of a row) or "batch" (over the rows, with
            running statistics in the collection "batch_stats").
        dropout_rate: share of the activations set to zero while training, in [0, 1); it
            may be traced.
        dtype: dtype of the computation, e.g. "bfloat16"; parameters stay float32. None
            computes in the dtype of the inputs and parameters.

    Raises:
        ValueError: an unknown norm, a rate outside [0, 1), or a list where a tuple
            belongs (a module with a list cannot be a static argument of `jax.jit`).
    """

    activation: Callable[..., Array] = nn.relu
    norm: Norm = "none"
    dropout_rate: float | Array = 0.0
    dtype: Any = None

    def __post_init__(self):
        lists = [name for name, value in vars(self).items() if isinstance(value, list)]
        if lists:
            raise ValueError(
                f"{type(self).__name__}: expected tuples, found a list for "
                f"{', '.join(lists)}; write (64, 32) in place of [64, 32]."
            )
        if self.norm not in NORMS:
            raise ValueError(
                f"{type(self).__name__}: expected norm to be one of {NORMS}, found "
                f"{self.norm!r}."
            )
        check_rate(type(self).__name__, self.dropout_rate)
        super().__post_init__()

    @nn.nowrap
    def settings(self) -> dict[str, Any]:
        """The fields above, to hand on to the layers that this one is made of."""
        return {
            "activation": self.activation,
            "norm": self.norm,
            "dropout_rate": self.dropout_rate,
            "dtype": self.dtype,
        }

    @nn.nowrap
    def probe(self, name: str, value: Array) -> Array:
        """`value`, plus the probe of that name where the caller passes one.

        Marks a shared value that something of a single task's own reads. The gradient
        of a loss with respect to the probe (a zero of the value's shape in the
        collection "perturbations") is its gradient with respect to the value.
        Initialising makes none: its shape is that of a batch, not of the model.
        """
        return value if self.is_initializing() else self.perturb(name, value)

    @nn.nowrap
    def penalise(self, name: str, value: Float[Array, ""]) -> None:
        """Adds `value`, its coefficient included, to the objective of training.

        It goes to the collection "penalties", of which the training step adds up
        whatever there is. Where the caller does not collect it (evaluation,
        initialising) it costs nothing. It is a mean over the rows, or a function of
        `BatchMean`s and parameters, so that it is the same on many devices.
        """
        if not self.is_initializing():
            self.sow(
                "penalties",
                name,
                value.astype(jnp.float32),
                init_fn=lambda: jnp.zeros((), jnp.float32),
                reduce_fn=jnp.add,
            )

    @nn.nowrap
    def nonlinearity(
        self,
        z: Float[Array, "batch ... units"],
        index: int,
        *,
        train: bool,
        axes: tuple[int, ...] = (-1,),
    ) -> Float[Array, "batch ... units"]:
        """dropout(activation(norm(z))); to be called from a compact method.

        Args:
            z: [B, ..., D] what the affine map number `index` returned.
            index: names the parameters of the norm, `norm_{index}`.
            train: whether to drop units and to use and update batch statistics.
            axes: axes of z that have a scale and a bias of their own in the norm.
        """
        name = f"norm_{index}"
        if self.norm == "layer":
            z = nn.LayerNorm(feature_axes=axes, dtype=self.dtype, name=name)(z)
        elif self.norm == "batch":
            z = nn.BatchNorm(
                use_running_average=not train,
                axis=axes,
                momentum=BATCH_NORM_MOMENTUM,
                dtype=self.dtype,
                name=name,
            )(z)
        return self.activated(z, train=train)

    @nn.nowrap
    def activated(
        self, z: Float[Array, "batch ... units"], *, train: bool
    ) -> Float[Array, "batch ... units"]:
        """dropout(activation(z)); to be called from a compact method."""
        dropout = Dropout(self.dropout_rate, deterministic=not train)
        return dropout(self.activation(z))
