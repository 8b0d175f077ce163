"""The published files of MovieLens' latest-small, of September 2018."""

from mtlx.data.builders.movielens_latest_small_format import (
    MOVIES,
    RATINGS,
    parse_movielens_latest_small,
)
from mtlx.data.source import Source

PUBLISHED = Source(
    name="movielens_latest_small",
    config="full",
    version="1.0.0",
    raw_name="movielens_latest_small",
    splits={"ratings": RATINGS, "movies": MOVIES},
    sha256={
        RATINGS: "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
        MOVIES: "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
    },
    parse=parse_movielens_latest_small,
    url="https://files.grouplens.org/datasets/movielens/ml-latest-small.zip",
    archives=("ml-latest-small.zip",),
)
