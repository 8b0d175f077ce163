"""What is learnt from texts before a model is: starting values of its parameters."""

from mtlx.pretrain.bert_weights import BertWeights
from mtlx.pretrain.masked_tokens import masked_tokens
from mtlx.pretrain.skip_gram import skip_gram
from mtlx.pretrain.warm_start import WarmStart, save_start

__all__ = ["BertWeights", "WarmStart", "masked_tokens", "save_start", "skip_gram"]
