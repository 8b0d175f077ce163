"""Models: an encoder, seven architectures, and the layers that they are made of."""

from mtlx.models.base import MultiTaskModel
from mtlx.models.cgc import CGC
from mtlx.models.embed import FeatureEncoder
from mtlx.models.experts import Experts
from mtlx.models.gate import Gate
from mtlx.models.match import count_parameters, match_params
from mtlx.models.mlp import MLP
from mtlx.models.mmoe import MMoE
from mtlx.models.mtan import MTAN
from mtlx.models.omoe import OMoE
from mtlx.models.ple import PLE
from mtlx.models.shared_bottom import SharedBottom
from mtlx.models.single_task import SingleTask
from mtlx.models.tower import Tower

__all__ = [
    "CGC",
    "Experts",
    "FeatureEncoder",
    "Gate",
    "MLP",
    "MMoE",
    "MTAN",
    "MultiTaskModel",
    "OMoE",
    "PLE",
    "SharedBottom",
    "SingleTask",
    "Tower",
    "count_parameters",
    "match_params",
]
