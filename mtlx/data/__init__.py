"""Data sets: raw files or random processes -> `Dataset`."""

from mtlx.data.aliccp import aliccp
from mtlx.data.aliexpress import aliexpress
from mtlx.data.amazon_s3rec import amazon_s3rec
from mtlx.data.array_record_blocks import ArrayRecordBlocks, write_array_record
from mtlx.data.bert_tokenizer import bert_tokenizer
from mtlx.data.blocks import Blocks, BlockSource
from mtlx.data.byterec import byterec
from mtlx.data.catalogue import Catalogue, seen_items
from mtlx.data.celeba import celeba
from mtlx.data.census_income import census_income
from mtlx.data.cityscapes import cityscapes
from mtlx.data.dataset import Augmented, Dataset, Schema, Stream
from mtlx.data.errors import DataError
from mtlx.data.esci_query_brand import esci_query_brand
from mtlx.data.fashion_mnist import fashion_mnist
from mtlx.data.fdu_mtl_reviews import fdu_mtl_reviews
from mtlx.data.hillstrom_email import hillstrom_email
from mtlx.data.jdsearch import jdsearch
from mtlx.data.joint import joint
from mtlx.data.kuairand import kuairand
from mtlx.data.labels import build_labels
from mtlx.data.landmine import landmine
from mtlx.data.layout import Layout
from mtlx.data.movielens_100k import movielens_100k
from mtlx.data.movielens_latest_small import movielens_latest_small
from mtlx.data.multi_mnist import multi_mnist
from mtlx.data.nyuv2 import nyuv2
from mtlx.data.online_retail import online_retail
from mtlx.data.parquet_blocks import ParquetBlocks
from mtlx.data.pcba import pcba
from mtlx.data.pricerunner_products import pricerunner_products
from mtlx.data.qm9 import qm9
from mtlx.data.rees46_sessions import rees46_sessions
from mtlx.data.retailrocket_multibehavior import retailrocket_multibehavior
from mtlx.data.school import school
from mtlx.data.synthetic_clusters import synthetic_clusters
from mtlx.data.synthetic_mmoe import synthetic_mmoe
from mtlx.data.synthetic_scenes import synthetic_scenes
from mtlx.data.table import table
from mtlx.data.taobao_multibehavior import taobao_multibehavior
from mtlx.data.tenrec import tenrec
from mtlx.data.text_tokenizer import TextTokenizer
from mtlx.data.with_catalogue import with_catalogue
from mtlx.data.with_log_q import with_log_q
from mtlx.data.with_vectors import with_vectors
from mtlx.data.womens_clothing import womens_clothing

__all__ = [
    "ArrayRecordBlocks",
    "Augmented",
    "BlockSource",
    "Blocks",
    "Catalogue",
    "DataError",
    "Dataset",
    "Layout",
    "ParquetBlocks",
    "Schema",
    "Stream",
    "TextTokenizer",
    "aliccp",
    "aliexpress",
    "amazon_s3rec",
    "bert_tokenizer",
    "build_labels",
    "byterec",
    "celeba",
    "census_income",
    "cityscapes",
    "esci_query_brand",
    "fashion_mnist",
    "fdu_mtl_reviews",
    "jdsearch",
    "hillstrom_email",
    "joint",
    "kuairand",
    "landmine",
    "movielens_100k",
    "movielens_latest_small",
    "multi_mnist",
    "nyuv2",
    "qm9",
    "rees46_sessions",
    "retailrocket_multibehavior",
    "online_retail",
    "pcba",
    "pricerunner_products",
    "school",
    "seen_items",
    "synthetic_clusters",
    "synthetic_mmoe",
    "synthetic_scenes",
    "table",
    "taobao_multibehavior",
    "tenrec",
    "with_catalogue",
    "with_log_q",
    "with_vectors",
    "womens_clothing",
    "write_array_record",
]
