"""The columns of KuaiRand-Pure's files."""

from collections.abc import Iterator
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import CsvTable

FLAGS = (
    "is_click",
    "is_like",
    "is_follow",
    "is_comment",
    "is_forward",
    "is_hate",
    "long_view",
)
LOG = CsvTable(
    {
        **dict.fromkeys(("user_id", "video_id", "date", "hourmin", "time_ms"), "whole"),
        **dict.fromkeys(FLAGS, "flag"),
        **dict.fromkeys(
            ("play_time_ms", "duration_ms", "profile_stay_time", "comment_stay_time"),
            "whole",
        ),
        "is_profile_enter": "flag",
        "is_rand": "flag",
        "tab": "whole",
    }
)
COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
USERS = CsvTable(
    {
        "user_id": "whole",
        "user_active_degree": "text",
        "is_lowactive_period": "text",
        "is_live_streamer": "text",
        "is_video_author": "text",
        **{
            name: kind
            for count in COUNTS
            for name, kind in ((count, "whole"), (f"{count}_range", "text"))
        },
        **{f"onehot_feat{number}": "text" for number in range(18)},
    }
)
VIDEOS = CsvTable(
    {
        "video_id": "whole",
        "author_id": "text",
        "video_type": "text",
        "upload_dt": "text",
        "upload_type": "text",
        "visible_status": "text",
        "video_duration": "number?",
        "server_width": "number",
        "server_height": "number",
        **dict.fromkeys(("music_id", "music_type", "tag"), "text"),
    }
)


def read_kuairand(content: bytes, path: Path) -> Columns:
    """The columns of a raw file; its name says which of the three tables it is.

    Raises:
        DataError: a line or a field is not as it should be.
    """
    return _table(path.name).read(content, path)


def parse_kuairand(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of a raw file: the form that `Source.parse` has.

    Raises:
        DataError: as `read_kuairand`.
    """
    yield read_kuairand(content, path)


def _table(file_name: str) -> CsvTable:
    if file_name.startswith("log_"):
        return LOG
    return USERS if file_name.startswith("user_") else VIDEOS
