"""An encoder for rows of several data sets with features of their own."""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.embed import FeatureEncoder
from mtlx.types import Array, Float, Part


class JointEncoder(nn.Module):
    """x = W_s encoder_s(features of s) + b_s, for a row of data set s.

    Each data set has an encoder and a projection to one width, so that a shared trunk
    may follow. All encoders run on all rows, in one program; what the others make of a
    row is not used, and its gradient is zero.

    Args:
        parts: the data sets, `Schema.parts`.
        encoder: makes the encoder of a data set; called with the cardinalities, names
            and fields of its schema.
        width: D.
        tokens: refused: the inputs of the data sets are not the same tokens.

    Returns:
        float32 [B, D] of features "source" [B] and "<part>/<feature>", as
        `mtlx.data.joint` makes them.

    Raises:
        ValueError: `tokens` is True.
    """

    parts: tuple[Part, ...] = ()
    encoder: Callable[..., nn.Module] = FeatureEncoder
    width: int = 64
    tokens: bool = False

    def __post_init__(self):
        if self.tokens:
            raise ValueError(
                "JointEncoder: expected an architecture that reads one vector a row, "
                "found one that reads tokens. Choose another model for a joint data "
                "set."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> Float[Array, "batch width"]:
        source = features["source"]
        x = jnp.zeros((len(source), self.width), jnp.float32)
        for place, part in enumerate(self.parts):
            encode = _PartEncoder(
                part, self.encoder, self.width, name=f"part_{part.name}"
            )
            x = jnp.where((source == place)[:, None], encode(features, train), x)
        return x


def part_features(part: Part, features: Mapping[str, Array]) -> dict[str, Array]:
    """The features of one of the data sets, under the names that it gave them."""
    prefix = f"{part.name}/"
    return {
        name.removeprefix(prefix): value
        for name, value in features.items()
        if name.startswith(prefix)
    }


class _PartEncoder(nn.Module):
    """W_s encoder_s(features of s) + b_s, whatever data set a row is of."""

    part: Part
    encoder: Callable[..., nn.Module]
    width: int

    @nn.compact
    def __call__(self, features: Mapping[str, Array], train: bool) -> Array:
        schema = self.part.schema
        encoder = self.encoder(
            cardinalities=schema.cardinalities,
            names=schema.names,
            fields=schema.fields,
            name="encoder",
        )
        return nn.Dense(self.width, name="projection")(
            encoder(part_features(self.part, features), train=train)
        )
