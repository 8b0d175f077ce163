"""Models of tasks with a label a pixel: a trunk of maps, and the architectures on it.

Options `model=dense/...`, with `encoder=dense/segnet`.
"""

from mtlx.models.dense.base import DenseModel
from mtlx.models.dense.mtan import DenseMTAN
from mtlx.models.dense.segnet import SegNet
from mtlx.models.dense.shared_bottom import DenseSharedBottom
from mtlx.models.dense.single_task import DenseSingleTask

__all__ = [
    "DenseMTAN",
    "DenseModel",
    "DenseSharedBottom",
    "DenseSingleTask",
    "SegNet",
]
