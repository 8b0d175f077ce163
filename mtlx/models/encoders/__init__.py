"""Encoders of one field: from its vectors or pixels to one vector a row.

Of bags, sequences and texts:
`module(vectors [B, L, D], mask [B, L], query [B, D] | None, train=False) -> [B, D']`;
padding is at the end and its vectors are zero. A row of padding alone gives zeros. Of
images: `module(images [B, H, W, C], train=False) -> [B, D']`. Of numeric columns:
`module(numerical [B, N], train=False) -> [B, N, D]`.
"""

from mtlx.models.encoders.attention_pool import AttentionPool
from mtlx.models.encoders.bert import BERT
from mtlx.models.encoders.bilstm import BiLSTM
from mtlx.models.encoders.cnn import CNN
from mtlx.models.encoders.din import DIN
from mtlx.models.encoders.gru import GRU
from mtlx.models.encoders.lenet import LeNet
from mtlx.models.encoders.lstm import LSTM
from mtlx.models.encoders.periodic import Periodic
from mtlx.models.encoders.pool import Pool
from mtlx.models.encoders.resnet import ResNet
from mtlx.models.encoders.sasrec import SASRec
from mtlx.models.encoders.text_transformer import TextTransformer
from mtlx.models.encoders.transformer_stack import TransformerStack
from mtlx.models.encoders.vgg import VGG

__all__ = [
    "BERT",
    "CNN",
    "DIN",
    "GRU",
    "LSTM",
    "VGG",
    "AttentionPool",
    "BiLSTM",
    "LeNet",
    "Periodic",
    "Pool",
    "ResNet",
    "SASRec",
    "TextTransformer",
    "TransformerStack",
]
