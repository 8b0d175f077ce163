"""Balancers: rules that turn what a step measures into task weights.

Each is a function of its hyper-parameters that returns a `Balancer(init, update,
needs)`; `base` states the interface and the scale convention.
"""

from mtlx.balancers.aligned_mtl import aligned_mtl
from mtlx.balancers.cagrad import cagrad
from mtlx.balancers.cagrad_fast import cagrad_fast
from mtlx.balancers.config import config
from mtlx.balancers.constant import constant
from mtlx.balancers.cosmos import cosmos
from mtlx.balancers.db_mtl import db_mtl
from mtlx.balancers.db_mtl_ema import db_mtl_ema
from mtlx.balancers.dualproj import dualproj
from mtlx.balancers.dwa import dwa
from mtlx.balancers.equal import equal
from mtlx.balancers.excess_mtl import excess_mtl
from mtlx.balancers.fairgrad import fairgrad
from mtlx.balancers.famo import famo
from mtlx.balancers.geometric import geometric
from mtlx.balancers.go4align import go4align
from mtlx.balancers.graddrop import graddrop
from mtlx.balancers.gradnorm import gradnorm
from mtlx.balancers.gradvac import gradvac
from mtlx.balancers.imtl import imtl
from mtlx.balancers.imtl_g import imtl_g
from mtlx.balancers.imtl_l import imtl_l
from mtlx.balancers.krum import krum
from mtlx.balancers.ldc_mtl import ldc_mtl
from mtlx.balancers.metabalance import metabalance
from mtlx.balancers.mgda import mgda
from mtlx.balancers.moco import moco
from mtlx.balancers.modo import modo
from mtlx.balancers.momentum_config import momentum_config
from mtlx.balancers.nash_mtl import nash_mtl
from mtlx.balancers.pbi import pbi
from mtlx.balancers.pcgrad import pcgrad
from mtlx.balancers.pe_ltr import pe_ltr
from mtlx.balancers.psmgd import psmgd
from mtlx.balancers.rlw import rlw
from mtlx.balancers.scale_invariant import scale_invariant
from mtlx.balancers.sdmgrad import sdmgrad
from mtlx.balancers.stch import stch
from mtlx.balancers.trimmed_mean import trimmed_mean
from mtlx.balancers.uncertainty import uncertainty
from mtlx.balancers.upgrad import upgrad
from mtlx.balancers.uw_so import uw_so

# They take a balancer, so they are no options of their own and not in `__all__`.
from mtlx.balancers.wrappers import clip as clip
from mtlx.balancers.wrappers import ema as ema
from mtlx.balancers.wrappers import every as every
from mtlx.balancers.wrappers import normalise as normalise
from mtlx.balancers.wrappers import precondition as precondition
from mtlx.balancers.wrappers import subsample as subsample

__all__ = [
    "aligned_mtl",
    "cagrad",
    "cagrad_fast",
    "config",
    "constant",
    "cosmos",
    "db_mtl",
    "db_mtl_ema",
    "dualproj",
    "dwa",
    "equal",
    "excess_mtl",
    "fairgrad",
    "famo",
    "geometric",
    "go4align",
    "graddrop",
    "gradnorm",
    "gradvac",
    "imtl",
    "imtl_g",
    "imtl_l",
    "krum",
    "ldc_mtl",
    "metabalance",
    "mgda",
    "moco",
    "modo",
    "momentum_config",
    "nash_mtl",
    "pbi",
    "pcgrad",
    "pe_ltr",
    "psmgd",
    "rlw",
    "scale_invariant",
    "sdmgrad",
    "stch",
    "trimmed_mean",
    "uncertainty",
    "upgrad",
    "uw_so",
]
