"""Encoders of graphs: of padded nodes, and what lies between two of them."""

from mtlx.models.graph.mpnn import MPNN
from mtlx.models.graph.nnconv import NNConv
from mtlx.models.graph.set2set import Set2Set

__all__ = ["MPNN", "NNConv", "Set2Set"]
