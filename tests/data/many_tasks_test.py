"""Sets of many tasks: School, Landmine and PCBA, in small files of their formats."""

import functools
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data import DataError, landmine, pcba, school
from mtlx.data.builders.pcba_format import BITS, TASKS
from mtlx.data.builders.pcba_source import SHA256
from mtlx.data.builders.school_format import INDICATORS, parse_school
from mtlx.data.pcba import NAMES
from mtlx.data.split_within import split_within
from tests.conf_test import step_shapes
from tests.data.many_tasks_files import (
    FIELDS,
    SCHOOLS,
    as_mat,
    landmine_cells,
    molecules,
    school_cells,
)
from tests.data.tiny_source import publish


@pytest.fixture
def schools(tmp_path, monkeypatch):
    rows, scores = school_cells()
    content = as_mat(X=rows, Y=scores)
    folder = publish(monkeypatch, tmp_path / "raw", "school", {"school.mat": content})
    return functools.partial(school, tasks=tuple(SCHOOLS), data_dir=folder)


@pytest.fixture
def fields(tmp_path, monkeypatch):
    rows, labels = landmine_cells()
    contents = {"LandmineData.mat": as_mat(feature=rows, label=labels)}
    folder = publish(monkeypatch, tmp_path / "raw", "landmine", contents)
    return functools.partial(landmine, tasks=tuple(FIELDS), data_dir=folder)


@pytest.fixture
def assays(tmp_path, monkeypatch):
    contents = {}
    for part, rows, first in (("val", 30, 0), ("test", 20, 30)):
        for file, content in molecules(rows, first).items():
            contents[f"pcba_{part}_{file}.csv"] = content
    assert set(contents) == set(SHA256)
    folder = publish(monkeypatch, tmp_path / "raw", "pcba", contents)
    return functools.partial(pcba, data_dir=folder)


def splits_of(data):
    return data.train, data.validation, data.test


def test_every_group_is_divided_by_the_shares():
    groups = np.random.default_rng(0).permutation(np.repeat(range(4), (22, 100, 7, 1)))
    parts = split_within(groups, (0.6, 0.15), 3)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(130))
    for group, counts in enumerate([(13, 3, 6), (60, 15, 25), (4, 1, 2), (1, 0, 0)]):
        assert tuple(int((groups[part] == group).sum()) for part in parts) == counts
    other = split_within(groups, (0.6, 0.15), 4)
    assert not np.array_equal(parts[0], other[0])


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.9, 0.0), (-0.1, 0.5)])
def test_shares_that_leave_a_part_empty_are_refused(schools, shares):
    with pytest.raises(ValueError, match="shares above 0 .*Mend data.shares"):
        schools(shares=shares)


def test_a_pupil_counts_for_its_own_school_alone(schools):
    data = schools()
    assert data.schema.names == tuple(INDICATORS)
    assert data.schema.cardinalities[:3] == (4, 3, 4)
    assert data.schema.numericals == 2
    found = {task: [] for task in SCHOOLS}
    for split, share in zip(splits_of(data), (0.6, 0.15, 0.25), strict=True):
        rows = np.stack([split.where[task] for task in SCHOOLS])
        np.testing.assert_array_equal(rows.sum(axis=0), 1)
        for number, (task, count) in enumerate(SCHOOLS.items()):
            where = split.where[task]
            assert abs(where.sum() - share * count) <= 1
            scores = np.rint(split.labels[task][where] * 12.7 + 20.6)
            found[task] += scores.tolist()
            assert not split.labels[task][~where].any()
            # A pupil's place in its school is in the score and in the categories.
            places = (scores - 25 * number).astype(int)
            columns = split.features["categorical"][where]
            np.testing.assert_array_equal(columns[:, 1], places % 2 + 1)
    for number, (task, count) in enumerate(SCHOOLS.items()):
        assert sorted(found[task]) == [25 * number + place for place in range(count)]


def test_a_band_may_be_unknown_and_is_a_category_of_its_own():
    rows, scores = school_cells()
    rows[1][3, INDICATORS["vr_band"]] = 0
    (columns,) = parse_school(as_mat(X=rows, Y=scores), Path("school.mat"))
    bands = columns["vr_band"]
    assert bands.values[bands.codes[23]] == "none"
    assert bands.counts() == {"0": 13, "1": 14, "2": 12, "none": 1}


def test_rows_of_a_task_are_the_same_whichever_are_chosen(schools):
    every, two = schools(), schools(tasks=("school_003", "school_001"))
    assert [task.name for task in two.tasks] == ["school_003", "school_001"]
    for whole, part in zip(splits_of(every), splits_of(two), strict=True):
        for task in ("school_001", "school_003"):
            np.testing.assert_array_equal(
                part.labels[task][part.where[task]],
                whole.labels[task][whole.where[task]],
            )
        assert sum(where.sum() for where in part.where.values()) == len(
            part.features["numerical"]
        )


def test_every_split_of_a_field_has_places_with_and_without_a_mine(fields):
    data = fields(domain=True)
    assert data.schema.domain == "field" and data.schema.names == ("field",)
    for split in splits_of(data):
        for number, task in enumerate(FIELDS, start=1):
            where = split.where[task]
            assert 0.15 < split.labels[task][where].mean() < 0.3
            np.testing.assert_array_equal(split.features["categorical"][where], number)
    np.testing.assert_allclose(data.train.features["numerical"].std(axis=0), 1, 1e-3)


def test_molecules_have_their_bits_labels_and_masks(assays):
    data = assays()
    assert [len(split.where[NAMES[0]]) for split in splits_of(data)] == [40, 5, 5]
    (field,) = data.schema.fields
    assert (field.kind, field.shape, field.sizes) == ("bag", (2,), (BITS + 1,))
    seen = []
    for split in splits_of(data):
        numbers = split.features["fingerprint"][:, 0] - 1
        seen += numbers.tolist()
        np.testing.assert_array_equal(split.features["fingerprint"][:, 1], numbers + 2)
        active = np.stack([split.labels[task] for task in NAMES], axis=1)
        np.testing.assert_array_equal(active.argmax(axis=1), numbers)
        np.testing.assert_array_equal(active.sum(axis=1), 1)
        known = np.stack([split.where[task] for task in NAMES], axis=1)
        np.testing.assert_array_equal(known.all(axis=0), np.arange(TASKS) < TASKS - 1)
        np.testing.assert_array_equal(known.any(axis=0), np.arange(TASKS) < TASKS - 1)
    assert sorted(seen) == list(range(50))


def test_files_of_a_part_with_other_rows_are_refused(assays, tmp_path, monkeypatch):
    contents = {}
    for part, rows in (("val", 3), ("test", 4)):
        for file, content in molecules(rows, 0).items():
            contents[f"pcba_{part}_{file}.csv"] = content
    contents["pcba_test_y.csv"] = molecules(5, 0)["y"]
    folder = publish(monkeypatch, tmp_path / "wrong", "pcba", contents)
    with pytest.raises(DataError, match=r"as many rows .*pcba_test_y.csv': 5"):
        pcba(data_dir=folder, cache_dir=tmp_path / "wrong")


@pytest.mark.parametrize("load", [school, landmine, pcba])
@pytest.mark.parametrize("tasks", [["sale"], []])
def test_unknown_or_no_tasks_are_refused(load, tasks):
    with pytest.raises(ValueError, match="expected tasks to be .*Mend data.tasks"):
        load(tasks=tasks)


@pytest.mark.parametrize(
    ("name", "tasks"),
    [("school", tuple(SCHOOLS)), ("landmine", tuple(FIELDS)), ("pcba", NAMES[:2])],
)
def test_the_options_compose_and_make_a_step(name, tasks, schools, fields, assays):
    folder = {"school": schools, "landmine": fields, "pcba": assays}[name]
    options = [f"data={name}", f"data.data_dir={folder.keywords['data_dir']}"]
    options += [f"data.tasks=[{','.join(tasks)}]", "model=shared_bottom"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    assert step_shapes(parts)["loss"].shape == (len(tasks),)


@pytest.mark.full_data
def test_published_facts(full_data_dir):
    pupils, signals, molecules = (
        load(data_dir=full_data_dir) for load in (school, landmine, pcba)
    )
    sizes = [
        sum(split.where[task.name].sum() for split in splits_of(pupils))
        for task in pupils.tasks
    ]
    assert (len(sizes), sum(sizes), min(sizes), max(sizes)) == (139, 15_362, 22, 251)
    assert min(int(pupils.test.where[t.name].sum()) for t in pupils.tasks) >= 5
    scores = np.concatenate(
        [
            s.labels[t.name][s.where[t.name]]
            for s in splits_of(pupils)
            for t in pupils.tasks
        ]
    )
    assert (scores.mean(), scores.std()) == pytest.approx((0, 1), abs=3e-3)
    mines = [
        [split.labels[task.name].sum() for task in signals.tasks]
        for split in splits_of(signals)
    ]
    assert (np.shape(mines), np.sum(mines), np.min(mines)) == ((3, 29), 904, 2)
    known = sum(
        split.where[task].sum() for split in splits_of(molecules) for task in NAMES
    )
    active = np.array(
        [sum(s.labels[task].sum() for s in splits_of(molecules)) for task in NAMES]
    )
    rows = [len(split.where[NAMES[0]]) for split in splits_of(molecules)]
    assert rows == [70_378, 8_798, 8_797]
    assert 1 - known / (sum(rows) * 128) == pytest.approx(0.395, abs=5e-4)
    assert active.sum() / known == pytest.approx(0.014, abs=5e-4)
    assert np.median(active) == 208.5
