"""What attends to what, row by row."""

from collections.abc import Mapping

import flax.linen as nn
from flax import traverse_util

from mtlx.types import Array, PyTree


def attention_weights(
    model: nn.Module, variables: PyTree, features: Mapping[str, Array]
) -> dict[str, Array]:
    """{module: weights [B, heads, queries, keys]} of every dot-product attention.

    Nothing needs to be declared: whatever is flax's `MultiHeadDotProductAttention` is
    found. {} for a model without any.
    """

    def with_weights(call, arguments, options, context):
        if isinstance(context.module, nn.MultiHeadDotProductAttention):
            if context.method_name == "__call__":
                options = {**options, "sow_weights": True}
        return call(*arguments, **options)

    with nn.intercept_methods(with_weights):
        _, state = model.apply(
            variables, features, train=False, mutable=["intermediates"]
        )
    flat = traverse_util.flatten_dict(state.get("intermediates", {}))
    return {
        "/".join(path[:-1]): weights
        for path, (weights, *_) in flat.items()
        if path[-1] == "attention_weights"
    }
