"""NYUv2 and Cityscapes from made-up files in the published format."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from mtlx.data import Augmented, DataError, cityscapes, nyuv2
from mtlx.types import Batch
from tests.data.pixel_files import SIDES, write_pixels

CONF = Path(__file__).resolve().parents[2] / "conf" / "data"
WHOLE = {"validation_rows": 0, "augment": False}


def test_nyuv2_is_what_the_files_hold(tmp_path):
    made = write_pixels(tmp_path, "nyuv2")
    data = nyuv2(**WHOLE, data_dir=tmp_path)
    (field,) = data.schema.fields
    assert (field.name, field.kind, field.shape) == ("image", "image", (*SIDES, 3))
    assert [task.outputs for task in data.tasks] == [13, 1, 3]
    for rows, part in ((data.train, "train"), (data.test, "val")):
        files = made[part]
        image = rows.features["image"]
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, np.rint(255 * files["image"]))
        classes, depth = rows.labels["segmentation"], rows.labels["depth"]
        assert classes.dtype == np.int8
        np.testing.assert_array_equal(classes, files["label"])
        stored = files["depth"][..., 0]
        expected = np.where(stored == 0, np.nan, stored)
        np.testing.assert_array_equal(depth, expected.astype(np.float32))
        none = (files["normal"] == 0).all(axis=-1, keepdims=True)
        assert 0.05 < none.mean() < 0.15
        expected = np.where(none, np.nan, files["normal"]).astype(np.float32)
        np.testing.assert_array_equal(rows.labels["normals"], expected)
    assert data.notes == (
        "nyuv2: 6 and 4 images in train and val, where the published files have 795 "
        "and 654.",
    )


@pytest.mark.parametrize(
    ("classes", "folder"), [(7, "label_7"), (7, "label"), (19, "label_19")]
)
def test_cityscapes_has_two_tasks_and_the_labels_of_its_classes(
    tmp_path, classes, folder
):
    made = write_pixels(tmp_path, "cityscapes", classes=classes, label=folder)
    data = cityscapes(**WHOLE, num_classes=classes, data_dir=tmp_path)
    assert [(t.name, t.outputs) for t in data.tasks] == [
        ("segmentation", classes),
        ("depth", 1),
    ]
    found = data.test.labels["segmentation"]
    np.testing.assert_array_equal(found, made["val"][folder])


def test_only_the_folders_of_the_wanted_tasks_are_read(tmp_path):
    write_pixels(tmp_path, "nyuv2", label="elsewhere")
    data = nyuv2(tasks=["depth"], **WHOLE, data_dir=tmp_path)
    assert set(data.train.labels) == {"depth"}


def test_a_row_without_a_labelled_pixel_does_not_count(tmp_path):
    made = write_pixels(tmp_path, "nyuv2")
    array = np.zeros_like(made["train"]["depth"][2])
    np.save(tmp_path / "nyuv2" / "train" / "depth" / "2.npy", array)
    where = nyuv2(**WHOLE, data_dir=tmp_path).train.where
    assert where["depth"].tolist() == [True, True, False, True, True, True]
    assert all(where["normals"]) and all(where["segmentation"])


def test_validation_rows_are_taken_from_the_training_part(tmp_path):
    made = write_pixels(tmp_path, "nyuv2")
    data = nyuv2(validation_rows=2, augment=False, data_dir=tmp_path)
    both = np.concatenate(
        [rows.features["image"] for rows in (data.train, data.validation)]
    )
    assert len(data.validation.features["image"]) == 2
    stored = np.rint(255 * made["train"]["image"])
    pairs = (both[:, None] == stored[None]).all(axis=(2, 3, 4))
    np.testing.assert_array_equal(pairs.sum(axis=0), 1)
    again = nyuv2(validation_rows=2, augment=False, seed=1, data_dir=tmp_path)
    assert not np.array_equal(
        again.validation.features["image"], data.validation.features["image"]
    )
    assert len(data.test.features["image"]) == 4
    published = nyuv2(**WHOLE, data_dir=tmp_path)
    np.testing.assert_array_equal(
        published.validation.features["image"], published.train.features["image"]
    )


def test_augmented_rows_are_those_of_the_files(tmp_path):
    write_pixels(tmp_path, "nyuv2")
    plain = nyuv2(validation_rows=2, augment=False, data_dir=tmp_path)
    data = nyuv2(validation_rows=2, data_dir=tmp_path)
    assert isinstance(plain.train, Batch) and isinstance(data.train, Augmented)
    for name, label in data.train.rows.labels.items():
        np.testing.assert_array_equal(label, plain.train.labels[name])


def damage(kind, number, change):
    """A function (folder of a part) that changes one of its files."""

    def apply(part):
        path = part / kind / f"{number}.npy"
        array = change(np.load(path))
        if array is None:
            path.unlink()
        elif isinstance(array, bytes):
            path.write_bytes(array)
        else:
            np.save(path, array)

    return apply


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (
            damage("image", 3, lambda x: x[:-1]),
            r"image/3.npy: expected numbers of shape \(32, 64, 3\), found float64 of "
            r"shape \(31, 64, 3\)",
        ),
        (
            damage("image", 0, lambda x: x[0, 0, 0]),
            r"image/0.npy: expected an image of height and width, found .* \(\)",
        ),
        (
            damage("depth", 1, lambda x: x[..., 0]),
            r"depth/1.npy: expected numbers of shape \(32, 64, 1\), found float64 of "
            r"shape \(32, 64\)",
        ),
        (
            damage("image", 2, lambda x: 255 * x),
            "image/2.npy: expected pixels from 0 to 1, found 0 to 255. Divide",
        ),
        (
            damage("image", 2, lambda x: x * np.nan),
            "image/2.npy: expected pixels from 0 to 1, found nan",
        ),
        (
            damage("label", 0, lambda x: x + 1),
            "label/0.npy: expected the classes 0 to 12, and -1 for none, found 13",
        ),
        (
            damage("label", 0, lambda x: x + 0.5),
            "label/0.npy: expected the classes .*, found -?[0-9.]+.5",
        ),
        (
            damage("normal", 1, lambda x: b"not an array"),
            "normal/1.npy: expected an array in NumPy's format, found a damaged",
        ),
        (
            damage("normal", 1, lambda x: None),
            "normal: expected the files 0.npy to 5.npy, one an image, found 5 .npy "
            "files that differ in 1.npy",
        ),
    ],
)
def test_a_damaged_file_is_named(tmp_path, harm, message):
    write_pixels(tmp_path, "nyuv2")
    harm(tmp_path / "nyuv2" / "train")
    with pytest.raises(DataError, match=message):
        nyuv2(**WHOLE, data_dir=tmp_path)


def test_another_size_in_the_test_part_is_named(tmp_path):
    write_pixels(tmp_path, "nyuv2")
    place = tmp_path / "nyuv2" / "val" / "image" / "0.npy"
    np.save(place, np.zeros((8, 8, 3)))
    with pytest.raises(DataError, match=r"val/image/0.npy: .*\(32, 64, 3\)"):
        nyuv2(**WHOLE, data_dir=tmp_path)


def test_absent_folders_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MTLX_DATA_DIR", raising=False)
    with pytest.raises(DataError, match=r"nyuv2: expected a folder nyuv2/ .* in None"):
        nyuv2()
    with pytest.raises(DataError, match=r"cityscapes/ .*docs/data/cityscapes.md"):
        cityscapes(data_dir=tmp_path)
    write_pixels(tmp_path, "cityscapes", classes=7, label="label_7")
    with pytest.raises(DataError, match="train: expected a folder label_19 of .npy"):
        cityscapes(num_classes=19, data_dir=tmp_path)
    (tmp_path / "nyuv2").mkdir()
    with pytest.raises(DataError, match="train: expected a folder image of .npy"):
        nyuv2(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("call", "options", "message"),
    [
        (nyuv2, {"validation_rows": 6}, "validation_rows from 0 to 5, found 6"),
        (nyuv2, {"validation_rows": -1}, "validation_rows from 0 to 5, found -1"),
        (nyuv2, {"tasks": ["edges"]}, "one or more of .*depth.* found .'edges'."),
        (cityscapes, {"num_classes": 8}, r"one of \(2, 7, 19\), found 8"),
        (cityscapes, {"tasks": ["normals"]}, "found .'normals'."),
    ],
)
def test_wrong_options_are_refused(tmp_path, call, options, message):
    write_pixels(tmp_path, "nyuv2", sides=(4, 4))
    with pytest.raises(ValueError, match=message):
        call(**options, data_dir=tmp_path)


@pytest.mark.parametrize("call", [nyuv2, cityscapes])
def test_the_configuration_is_the_constructors_call(call):
    cfg = OmegaConf.load(CONF / f"{call.__name__}.yaml")
    assert cfg.pop("_target_") == f"mtlx.data.{call.__name__}"
    arguments = inspect.signature(call).parameters
    assert set(cfg) == set(arguments)
    for key in set(cfg) - {"data_dir"}:
        found = tuple(cfg[key]) if OmegaConf.is_list(cfg[key]) else cfg[key]
        assert found == arguments[key].default, key
