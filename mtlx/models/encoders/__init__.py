"""Encoders of one field: from its vectors or pixels to one vector a row."""

from mtlx.models.encoders.lenet import LeNet
from mtlx.models.encoders.resnet import ResNet

__all__ = ["LeNet", "ResNet"]
