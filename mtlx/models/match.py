"""Models of equal size: the number of parameters, and the width that gives it."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax


def count_parameters(module: nn.Module, features: Mapping[str, Any]) -> int:
    """Number of trainable scalars of `module` on such features; allocates none of them.

    Args:
        module: a model, called as `module(features)`.
        features: arrays or `jax.ShapeDtypeStruct`s; only shapes and dtypes matter.

    >>> from mtlx.models import FeatureEncoder
    >>> row = {"categorical": jax.ShapeDtypeStruct((1, 2), "int32")}
    >>> count_parameters(FeatureEncoder(cardinalities=(3, 2), embedding_dim=4), row)
    20
    """
    variables = jax.eval_shape(
        lambda features: module.init(jax.random.key(0), features), features
    )
    leaves = jax.tree.leaves(variables.get("params", {}))
    return sum(math.prod(leaf.shape) for leaf in leaves)


def match_params(
    build: Callable[[int], nn.Module], target: int, features: Mapping[str, Any]
) -> int:
    """The width w whose `build(w)` has the number of parameters nearest to `target`.

    Bisection on shapes alone; the count must grow with the width. Of two widths equally
    near it takes the smaller.

    Args:
        build: width -> module, e.g. `lambda w: SharedBottom(bottom_widths=(w,), ...)`.
        target: the count to meet, e.g. `count_parameters` of a mixture of experts.
        features: as in `count_parameters`.

    Raises:
        ValueError: even width 1 has more parameters than `target`, or the count does
            not grow with the width.

    Reference:
        Ma et al., KDD 2018, section 5.1: the shared bottom of the synthetic study is as
        large as the mixture, 13,056 / (100 + 8 * 2) = 113 units. That count has the
        experts and towers but NOT the gates, which the paper calls negligible; with
        their 1,600 weights it would be 126 units. (Biases and outputs, not counted
        there either, change neither figure.) `count_parameters` counts everything:
        subtract from `target` what should not be matched.
    """

    @functools.cache
    def count(width: int) -> int:
        return count_parameters(build(width), features)

    low, high = 1, 2
    if count(low) > target:
        raise ValueError(
            f"match_params: expected a target of at least {count(low)} parameters, "
            f"those of width 1, found {target}; shrink the other layers."
        )
    while count(high) < target:
        if count(high) <= count(low):
            raise ValueError(
                f"match_params: expected a count that grows with the width, found "
                f"{count(low)} parameters at {low} and {count(high)} at {high}; build "
                f"a module whose layers have the width that build is given."
            )
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= target else (low, middle)
    return min(low, high, key=lambda width: abs(count(width) - target))
