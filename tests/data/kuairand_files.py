"""Made-up files in the form of KuaiRand-Pure's, small enough to check by hand."""

import csv
import gzip
import io
import random

from mtlx.data.builders.kuairand_format import LOG, USERS, VIDEOS
from mtlx.data.builders.kuairand_source import USERS as USER_FILE
from mtlx.data.builders.kuairand_source import VIDEOS as VIDEO_FILE
from mtlx.data.builders.kuairand_source import WHOLE

DAYS = [20220424, *range(20220425, 20220431), *range(20220501, 20220509)]
MIDNIGHT = 1_650_729_600_000  # of 24 April in China
FLAGS = [name for name, kind in LOG.kinds.items() if kind == "flag"]


def made_up_log(seed=0, rows=150):
    """Rows as dicts of text, a few of them twice."""
    draw = random.Random(seed)
    log = []
    for _ in range(rows):
        number = draw.randrange(len(DAYS))
        # Few moments a day, so that some rows are of one moment.
        row = {
            "user_id": draw.randrange(6 if number < 7 else 8),
            "video_id": draw.randrange(9 if number < 7 else 12),
            "date": DAYS[number],
            "hourmin": 100 * draw.randrange(24),
            "time_ms": MIDNIGHT + 86_400_000 * number + 7_300_000 * draw.randrange(11),
            "tab": draw.randrange(3),
            **{name: int(draw.random() < 0.4) for name in FLAGS},
            **{
                name: draw.randrange(10**5)
                for name in LOG.kinds
                if name.endswith("time_ms") and name != "time_ms"
            },
            "duration_ms": draw.randrange(5, 10**5),
            "profile_stay_time": draw.randrange(99),
            "comment_stay_time": draw.randrange(99),
        }
        log += [{name: str(row[name]) for name in LOG.kinds}] * draw.choice((1, 1, 2))
    draw.shuffle(log)
    return log


def made_up_users(count=8):
    draw = random.Random(1)
    return [
        {
            name: str(number if name == "user_id" else draw.randrange(50))
            for name in USERS.kinds
        }
        for number in reversed(range(count))
    ]


def made_up_videos(count=12):
    draw = random.Random(2)
    videos = []
    for number in range(count):
        row = {name: str(draw.randrange(5)) for name in VIDEOS.kinds}
        videos.append(row | {"video_id": str(number), "tag": draw.choice(("", "3,9"))})
    return videos


def write_files(folder, log=None, users=None, videos=None, log_file=WHOLE):
    """The published archive's files, gzipped; returns the folder."""
    tables = {
        log_file: (LOG, made_up_log() if log is None else log),
        USER_FILE: (USERS, made_up_users() if users is None else users),
        VIDEO_FILE: (VIDEOS, made_up_videos() if videos is None else videos),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (table, rows) in tables.items():
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(table.kinds), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.getvalue().encode()))
    return folder
