"""Networks for one task from features: click-through rate and its like.

Options `model=ctr/...`: a network a task, nothing shared.
"""

from mtlx.models.ctr.base import CTRModel
from mtlx.models.ctr.dcn_v2 import DCNv2
from mtlx.models.ctr.deepfm import DeepFM
from mtlx.models.ctr.logistic_regression import LogisticRegression
from mtlx.models.ctr.wide_and_deep import WideAndDeep

__all__ = ["CTRModel", "DCNv2", "DeepFM", "LogisticRegression", "WideAndDeep"]
