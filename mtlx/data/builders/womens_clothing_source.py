"""The published file of Women's E-Commerce Clothing Reviews."""

from mtlx.data.builders.womens_clothing_format import parse_womens_clothing
from mtlx.data.source import Source

FILE = "Womens Clothing E-Commerce Reviews.csv"

PUBLISHED = Source(
    name="womens_clothing",
    config="full",
    version="1.0.0",
    raw_name="womens_clothing_reviews",
    splits={"reviews": FILE},
    sha256={FILE: "bd93cc515747ad1f87b8bc863c9e40da758509e6db6506a96d06976e61e36ee0"},
    parse=parse_womens_clothing,
    archives=("womens_clothing_ecommerce_reviews.csv.zip", "archive.zip"),
)
