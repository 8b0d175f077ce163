"""The cost of a prediction."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax


def count_flops(module: nn.Module, features: Mapping[str, Any]) -> float:
    """Floating-point operations of a forward pass, per row of `features`.

    As XLA counts them before it optimises: a multiplication and an addition are two.
    Nothing is computed or compiled.

    Args:
        module: a model, called as `module(features)`.
        features: arrays or `jax.ShapeDtypeStruct`s of at least one row; operations on
            parameters alone are spread over the rows, so give as many as a batch has.

    >>> from mtlx.models import FeatureEncoder, SharedBottom
    >>> fields = {"tasks": ("a",), "outputs": (1,), "encoder": FeatureEncoder}
    >>> model = SharedBottom(**fields, bottom_widths=(500,), tower_widths=())
    >>> rows = {"numerical": jax.ShapeDtypeStruct((64, 100), "float32")}
    >>> round(count_flops(model, rows), -4)  # 2 * 500 * 101 and a little more
    100000.0
    """
    variables = jax.eval_shape(module.init, jax.random.key(0), features)
    lowered = jax.jit(module.apply).lower(variables, features)
    rows = jax.tree.leaves(features)[0].shape[0]
    return lowered.cost_analysis()["flops"] / rows
