"""Models of queries (users, histories, searches) and items, for retrieval and rating.

Options `model=recommendation/...`.
"""

from mtlx.models.recommendation.base import RecommendationModel
from mtlx.models.recommendation.catalogue_softmax import CatalogueSoftmax
from mtlx.models.recommendation.frequency import StreamingFrequency
from mtlx.models.recommendation.matrix_factorisation import MatrixFactorisation
from mtlx.models.recommendation.neumf import NeuMF
from mtlx.models.recommendation.two_tower import TwoTower

__all__ = [
    "CatalogueSoftmax",
    "MatrixFactorisation",
    "NeuMF",
    "RecommendationModel",
    "StreamingFrequency",
    "TwoTower",
]
