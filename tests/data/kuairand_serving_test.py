"""A raw row of KuaiRand, as served, has the features that it has as a row of data."""

import numpy as np

import mtlx.data
from mtlx.data.categorical import Categorical
from mtlx.data.kuairand_rows import kuairand_rows
from tests.data.kuairand_files import write_files

LENGTH = 3


def past_clicks(rows):
    """Of each row, the user's earlier clicked videos as text, oldest first."""
    users, videos = (rows[name].values[rows[name].codes] for name in IDS)
    time, clicked = rows["time_ms"], rows["is_click"] == 1
    texts = []
    for row in range(len(time)):
        before = (users == users[row]) & clicked & (time < time[row])
        texts.append("|".join(videos[before]))
    return Categorical.of(np.array(texts))


IDS = ("user_id", "video_id")


def test_rows_with_their_history(tmp_path):
    folder = write_files(tmp_path / "raw")
    data = mtlx.data.kuairand(data_dir=folder, verify_rows=False, history=LENGTH)
    rows = kuairand_rows(verify_rows=False, data_dir=folder)
    raw = rows | {"history": past_clicks(rows)}
    kinds = data.preprocessing.kinds
    assert kinds["time_ms"] == "whole" and kinds["user_id"] == "text"
    assert kinds["duration_ms"] == "number" and "hour" not in kinds
    assert not {"is_click", "long_view", "play_time_ms", "date"} & set(kinds)
    found = data.preprocessing.encode({name: raw[name] for name in kinds})
    parts = (data.train, data.validation, data.test)
    assert list(found) == list(data.train.features)
    assert (found["history"] >= 0).any()
    for name, features in found.items():
        expected = np.concatenate([part.features[name] for part in parts])
        np.testing.assert_array_equal(features, expected, err_msg=name)
