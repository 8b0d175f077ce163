"""The columns of MovieLens-100K's files."""

from collections.abc import Iterator
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import CsvTable

STARS = ("1", "2", "3", "4", "5")
GENRES = (
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
OCCUPATIONS = (
    "administrator",
    "artist",
    "doctor",
    "educator",
    "engineer",
    "entertainment",
    "executive",
    "healthcare",
    "homemaker",
    "lawyer",
    "librarian",
    "marketing",
    "none",
    "other",
    "programmer",
    "retired",
    "salesman",
    "scientist",
    "student",
    "technician",
    "writer",
)
RATINGS, MOVIES, USERS = "u.data", "u.item", "u.user"
TABLES = {
    RATINGS: CsvTable(
        {
            "user_id": "whole",
            "item_id": "whole",
            "rating": STARS,
            "timestamp": "whole",  # seconds since 1970, UTC
        },
        delimiter="\t",
        header=False,
    ),
    MOVIES: CsvTable(
        {
            "item_id": "whole",
            "title": "text",
            "release_date": "text",
            "video_release_date": "text",
            "url": "text",
            "unknown": "flag",
            **dict.fromkeys(GENRES, "flag"),
        },
        delimiter="|",
        header=False,
        encoding="latin-1",
    ),
    USERS: CsvTable(
        {
            "user_id": "whole",
            "age": "whole",
            "gender": ("F", "M"),
            "occupation": OCCUPATIONS,
            "zip_code": "text",
        },
        delimiter="|",
        header=False,
    ),
}


def read_movielens_100k(content: bytes, path: Path) -> Columns:
    """The columns of a raw file; its name says which of the three tables it is.

    Raises:
        DataError: a line or a field is not as it should be.
    """
    return TABLES[path.name.removesuffix(".gz")].read(content, path)


def parse_movielens_100k(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of a raw file: the form that `Source.parse` has.

    Raises:
        DataError: as `read_movielens_100k`.
    """
    yield read_movielens_100k(content, path)
