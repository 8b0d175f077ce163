"""Encoders of one field: from its vectors or pixels to one vector a row."""

from mtlx.models.encoders.attention_pool import AttentionPool
from mtlx.models.encoders.bert import BERT
from mtlx.models.encoders.cnn import CNN
from mtlx.models.encoders.pool import Pool
from mtlx.models.encoders.text_transformer import TextTransformer
from mtlx.models.encoders.transformer_stack import TransformerStack

__all__ = [
    "BERT",
    "CNN",
    "AttentionPool",
    "Pool",
    "TextTransformer",
    "TransformerStack",
]
