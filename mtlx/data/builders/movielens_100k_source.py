"""The published files of MovieLens-100K."""

from mtlx.data.builders.movielens_100k_format import (
    MOVIES,
    RATINGS,
    USERS,
    parse_movielens_100k,
)
from mtlx.data.source import Source

PUBLISHED = Source(
    name="movielens_100k",
    config="full",
    version="1.0.0",
    raw_name="movielens_100k",
    splits={"ratings": RATINGS, "movies": MOVIES, "users": USERS},
    sha256={
        RATINGS: "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
        MOVIES: "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
        USERS: "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
    },
    parse=parse_movielens_100k,
    url="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    archives=("ml-100k.zip",),
)
