"""Bilevel balancers: weights that are learnt on rows held out from the step they weigh.

Each needs "lookahead": the batch is cut in two halves that share no row, one for the
inner problem (steps along the weighted losses) and one for the outer (what those steps
do to the losses there). The training step itself then runs on all rows of the batch.
"""

from mtlx.train.bilevel.auto_lambda import auto_lambda
from mtlx.train.bilevel.forum import forum
from mtlx.train.bilevel.moml import moml

__all__ = ["auto_lambda", "forum", "moml"]
