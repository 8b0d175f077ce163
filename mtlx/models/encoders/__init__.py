"""Encoders of one field: from its vectors or pixels to one vector a row.

Of bags, sequences and texts:
`module(vectors [B, L, D], mask [B, L], query [B, D] | None, train=False) -> [B, D']`;
padding is at the end and its vectors are zero. A row of padding alone gives zeros.
"""

from mtlx.models.encoders.bilstm import BiLSTM
from mtlx.models.encoders.din import DIN
from mtlx.models.encoders.gru import GRU
from mtlx.models.encoders.lstm import LSTM
from mtlx.models.encoders.pool import Pool
from mtlx.models.encoders.sasrec import SASRec

__all__ = ["DIN", "GRU", "LSTM", "BiLSTM", "Pool", "SASRec"]
