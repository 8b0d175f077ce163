"""The columns of the files of MovieLens' latest-small."""

from collections.abc import Iterator
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import CsvTable

STARS = tuple(f"{half / 2}" for half in range(1, 11))  # 0.5 to 5.0
GENRES = (
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "IMAX",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
RATINGS, MOVIES = "ratings.csv", "movies.csv"
TABLES = {
    RATINGS: CsvTable(
        {
            "userId": "whole",
            "movieId": "whole",
            "rating": STARS,
            "timestamp": "whole",  # seconds since 1970, UTC
        }
    ),
    MOVIES: CsvTable({"movieId": "whole", "title": "text", "genres": "text"}),
}


def read_movielens_latest_small(content: bytes, path: Path) -> Columns:
    """The columns of a raw file; its name says which of the two tables it is.

    Raises:
        DataError: a line or a field is not as it should be.
    """
    return TABLES[path.name.removesuffix(".gz")].read(content, path)


def parse_movielens_latest_small(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of a raw file: the form that `Source.parse` has.

    Raises:
        DataError: as `read_movielens_latest_small`.
    """
    yield read_movielens_latest_small(content, path)
