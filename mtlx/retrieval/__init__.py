"""From query vectors and item vectors to lists: exact on the device, or an index."""

from mtlx.retrieval.exact import TopK, top_k, top_k_in
from mtlx.retrieval.index import ApproximateIndex
from mtlx.retrieval.ranks import target_ranks, target_ranks_in

__all__ = [
    "ApproximateIndex",
    "TopK",
    "target_ranks",
    "target_ranks_in",
    "top_k",
    "top_k_in",
]
