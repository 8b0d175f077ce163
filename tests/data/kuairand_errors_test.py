"""Every way in which KuaiRand's files can be wrong ends with an error."""

import re

import numpy as np
import pytest

from mtlx.data import DataError, kuairand
from mtlx.data.builders.kuairand_source import FIRST, SECOND, USERS, WHOLE
from tests.data.kuairand_files import (
    made_up_log,
    made_up_users,
    made_up_videos,
    write_files,
)


def load(folder, **options):
    return kuairand(data_dir=folder, **{"verify_rows": False} | options)


def changed(line, column, value):
    log = made_up_log()
    log[line - 2] = log[line - 2] | {column: value}
    return log


@pytest.mark.parametrize(
    ("line", "column", "value", "found"),
    [
        (7, "is_click", "2", r"line 7, column 6 \(is_click\): expected 0 or 1"),
        (9, "time_ms", "noon", r"line 9, column 5 \(time_ms\): .* found 'noon'"),
        (2, "duration_ms", "-1", r"line 2, column 14 \(duration_ms\): .* from 0 on"),
    ],
)
def test_a_broken_line_of_the_log(tmp_path, line, column, value, found):
    folder = write_files(tmp_path / "raw", changed(line, column, value))
    with pytest.raises(DataError, match=f"{WHOLE}.gz, {found}.*Mend the line"):
        load(folder)


def test_a_user_without_features(tmp_path):
    folder = write_files(tmp_path / "raw", users=made_up_users(5))
    with pytest.raises(DataError, match="every user_id of the log, found none for"):
        load(folder)


def test_a_video_without_features(tmp_path):
    folder = write_files(tmp_path / "raw", videos=made_up_videos(3))
    with pytest.raises(DataError, match="every video_id of the log, found none for"):
        load(folder)


def test_a_missing_file(tmp_path):
    folder = write_files(tmp_path / "raw")
    (folder / f"{USERS}.gz").unlink()
    with pytest.raises(DataError, match=f"found no {USERS}. Put the missing file"):
        load(folder)


def test_rows_that_are_not_the_samples(tmp_path):
    folder = write_files(tmp_path / "raw")
    text = r"expected the 228,329 rows .* found \d+ rows .*no checksum that we know of"
    with pytest.raises(DataError, match=f"(?s){text}.*data.verify_rows=false"):
        load(folder, verify_rows=True)


def test_the_samples_files_have_a_checksum(tmp_path):
    folder = write_files(tmp_path / "raw", log_file=FIRST)
    write_files(tmp_path / "raw", log_file=SECOND)
    message = rf"{re.escape(FIRST)}.gz: every line reads well, .* sha256 4154e895"
    with pytest.raises(DataError, match=message):
        load(folder)


def test_the_folder_may_be_that_of_the_archive(tmp_path):
    write_files(tmp_path / "data" / "KuaiRand-Pure" / "data")
    data = load(tmp_path / "data")
    # Prepared before: without the raw files too.
    again = load(None)
    np.testing.assert_array_equal(
        data.test.features["categorical"], again.test.features["categorical"]
    )


@pytest.mark.parametrize("tasks", [("clik",), (), ("click", "click"), "clik"])
def test_refuses_other_tasks(tasks):
    with pytest.raises(ValueError, match=r"one or more of \['click', 'comm.*Mend"):
        kuairand(tasks=tasks)


def test_refuses_a_history_below_nothing():
    with pytest.raises(ValueError, match="history >= 0 videos, found -1"):
        kuairand(history=-1)
