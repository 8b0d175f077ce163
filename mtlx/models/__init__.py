"""Models: an encoder, the architectures, and the layers that they are made of."""

from mtlx.models.adatt import AdaTTSp
from mtlx.models.adatt_gp import AdaTTGp
from mtlx.models.aitm import AITM
from mtlx.models.base import MultiTaskModel
from mtlx.models.cgc import CGC
from mtlx.models.cross_stitch import CrossStitch
from mtlx.models.cross_task_attention import CrossTaskAttention
from mtlx.models.dbmtl import DBMTL
from mtlx.models.dselect_k import DSelectK
from mtlx.models.embed import FeatureEncoder
from mtlx.models.escm2_dr import ESCM2DR
from mtlx.models.escm2_ipw import ESCM2IPW
from mtlx.models.esmm import ESMM
from mtlx.models.experts import Experts
from mtlx.models.field_transformer import FieldTransformer
from mtlx.models.flops import count_flops
from mtlx.models.gate import Gate
from mtlx.models.home import HoME
from mtlx.models.joint_encoder import JointEncoder
from mtlx.models.l2_constrained import L2Constrained
from mtlx.models.lookup import find_tables, lookup, read_rows
from mtlx.models.m3oe import M3oE
from mtlx.models.match import count_parameters, match_params
from mtlx.models.metaheac import MetaHeac
from mtlx.models.ml_mmoe import MLMMoE
from mtlx.models.mlp import MLP
from mtlx.models.mmoe import MMoE
from mtlx.models.mtan import MTAN
from mtlx.models.omoe import OMoE
from mtlx.models.pepnet import PEPNet
from mtlx.models.ple import PLE
from mtlx.models.shared_bottom import SharedBottom
from mtlx.models.shared_private import SharedPrivate
from mtlx.models.single_task import SingleTask
from mtlx.models.sluice import Sluice
from mtlx.models.snr import SNRTrans
from mtlx.models.snr_average import SNRAverage
from mtlx.models.star import STAR
from mtlx.models.stem import STEM
from mtlx.models.task_query_attention import TaskQueryAttention
from mtlx.models.tensor_factorised import TensorFactorised
from mtlx.models.topk_mmoe import TopKMMoE
from mtlx.models.tower import Tower

__all__ = [
    "AITM",
    "AdaTTGp",
    "AdaTTSp",
    "CGC",
    "CrossStitch",
    "CrossTaskAttention",
    "DBMTL",
    "DSelectK",
    "ESCM2DR",
    "ESCM2IPW",
    "ESMM",
    "Experts",
    "FeatureEncoder",
    "JointEncoder",
    "FieldTransformer",
    "Gate",
    "HoME",
    "L2Constrained",
    "M3oE",
    "MLMMoE",
    "MLP",
    "MMoE",
    "MTAN",
    "MetaHeac",
    "MultiTaskModel",
    "OMoE",
    "PEPNet",
    "PLE",
    "SNRAverage",
    "SNRTrans",
    "STAR",
    "STEM",
    "SharedBottom",
    "SharedPrivate",
    "SingleTask",
    "Sluice",
    "TaskQueryAttention",
    "TensorFactorised",
    "TopKMMoE",
    "Tower",
    "count_flops",
    "count_parameters",
    "find_tables",
    "lookup",
    "match_params",
    "read_rows",
]
