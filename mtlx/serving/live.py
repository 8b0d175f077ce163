"""A scorer on a model that is in memory."""

import functools

import flax.linen as nn
import jax

from mtlx.data.signature import Signature
from mtlx.serving.answers import make_answer
from mtlx.serving.scorer import SIZES, Scorer
from mtlx.types import PyTree


def live_scorer(
    model: nn.Module,
    variables: PyTree,
    signature: Signature,
    sizes: tuple[int, ...] = SIZES,
) -> Scorer:
    """A `Scorer` that applies `model`.

    Args:
        model: linen module of `mtlx.models`.
        variables: what `model.apply` takes.
        signature: of the model.
        sizes: of the batches.
    """
    program = jax.jit(make_answer(model, signature))
    return Scorer(signature, functools.partial(program, variables), sizes)
