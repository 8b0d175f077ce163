"""CelebA from made-up files in the published form."""

import os
import shutil

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

import mtlx.compose
from experiments.train import CONF
from mtlx.data import DataError, celeba
from mtlx.data.builders import celeba_prepared
from mtlx.data.builders.celeba_format import ATTRIBUTES, decode
from tests.data.celeba_files import write_celeba

PARTITION = (0, 2, 0, 0, 1, 0, 1, 2, 0)


@pytest.fixture
def files(tmp_path):
    """(data_dir, cache_dir, labels)."""
    labels = write_celeba(tmp_path / "raw" / "celeba", PARTITION)
    return tmp_path / "raw", tmp_path / "cache", labels


def read(files, **options):
    return celeba(data_dir=files[0], cache_dir=files[1], **options)


def test_splits_and_labels_are_those_of_the_lists(files, monkeypatch):
    monkeypatch.setattr(celeba_prepared, "BLOCK", 2)  # several blocks a split
    data = read(files)
    assert [task.name for task in data.tasks] == list(ATTRIBUTES)
    assert {(task.kind, task.metrics) for task in data.tasks} == {
        ("binary", ("f1", "accuracy"))
    }
    splits = (data.train, data.validation, data.test)
    for number, split in enumerate(splits):
        rows = np.flatnonzero(np.array(PARTITION) == number)
        for place, name in enumerate(ATTRIBUTES):
            expected = files[2][rows, place]
            np.testing.assert_array_equal(split.labels[name], expected)
            assert split.labels[name].dtype == np.float32 and split.where[name].all()
        images = split.features["image"]
        assert images.dtype == np.uint8 and images.shape[1:] == (64, 64, 3)
        for image, row in zip(images, rows, strict=True):
            path = files[0] / "celeba" / "img_align_celeba" / f"{row + 1:06}.jpg"
            with Image.open(path) as whole:
                small = whole.resize((64, 64), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(image, np.asarray(small))
    red = splits[0].features["image"][..., 0].mean(axis=(1, 2))
    smiles = splits[0].labels["Smiling"] == 1
    assert red[smiles].min() > red[~smiles].max()


def test_shrinking_takes_in_every_pixel(tmp_path):
    """A filter of the size of the step: one white column of three gives a third."""
    stripes = np.zeros((218, 178, 3), np.uint8)
    stripes[:, ::2] = 255
    path = tmp_path / "stripes.jpg"
    Image.fromarray(stripes).save(path, quality=100)
    found = decode(path.read_bytes(), path, 16).astype(float)
    np.testing.assert_allclose(found, 127.5, atol=12)


def test_images_are_decoded_once(files, monkeypatch):
    first = read(files)
    monkeypatch.setattr(celeba_prepared, "decode", None)
    again = read(files, tasks=("Young", "Bald"), metrics=("accuracy",))
    assert [(t.name, t.metrics) for t in again.tasks] == [
        ("Young", ("accuracy",)),
        ("Bald", ("accuracy",)),
    ]
    image = again.train.features["image"]
    assert isinstance(image, np.memmap)
    np.testing.assert_array_equal(image, first.train.features["image"])
    # Another size, or a list that was changed, is prepared anew.
    with pytest.raises(TypeError, match="NoneType"):
        read(files, size=32)
    listed = files[0] / "celeba" / "list_eval_partition.txt"
    os.utime(listed, ns=(1, 1))
    with pytest.raises(TypeError, match="NoneType"):
        read(files)
    assert not list((files[1] / "celeba").rglob("*.partial"))


def test_the_published_archive_and_folders_are_read(files, tmp_path):
    expected = read(files).test.features["image"]
    place, other = files[0] / "celeba", tmp_path / "drive" / "celeba"
    for name in ("Anno", "Eval", "Img"):
        (other / name).mkdir(parents=True)
    shutil.copy(place / "list_attr_celeba.txt", other / "Anno")
    shutil.copy(place / "list_eval_partition.txt", other / "Eval")
    target = other / "Img" / "img_align_celeba"
    shutil.make_archive(str(target), "zip", place, "img_align_celeba")
    found = celeba(data_dir=other.parent, cache_dir=files[1], size=64)
    np.testing.assert_array_equal(found.test.features["image"], expected)
    (target.with_suffix(".zip")).write_bytes(b"no archive")
    with pytest.raises(DataError, match="img_align_celeba.zip: expected a zip file"):
        celeba(data_dir=other.parent, cache_dir=files[1])


def replace(name, old, new):
    def change(folder):
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def other_size(folder):
    path = folder / "img_align_celeba" / "000003.jpg"
    Image.new("RGB", (100, 120)).save(path)


def cut_short(folder):
    path = folder / "img_align_celeba" / "000003.jpg"
    path.write_bytes(path.read_bytes()[:-300])


LIST, SPLIT = "list_attr_celeba.txt", "list_eval_partition.txt"
CHANGES = [
    (replace(LIST, "9\n", "10\n"), "as line 1 says, '10', found 9"),
    (replace(LIST, "Bald", "Hairless"), "line 2: expected CelebA's 40 attributes"),
    (replace(LIST, "000002.jpg -1", "000002.jpg  0"), "line 4: expected the name"),
    (replace(LIST, "000002.jpg", ""), "line 4: expected the name"),
    (replace(SPLIT, "000009.jpg 0\n", ""), "each of the 9 images.*found 8"),
    (replace(SPLIT, "000002.jpg 2", "000002.jpg 3"), "line 2: .*found '000002.jpg 3'"),
    (replace(SPLIT, "000002.jpg", "000022.jpg"), "line 2: expected 000002.jpg and 0"),
    (other_size, "000003.jpg: expected an aligned image .*found 100 x 120"),
    (cut_short, "000003.jpg: expected a JPEG, found a damaged"),
    (
        lambda folder: (folder / "img_align_celeba" / "000003.jpg").unlink(),
        "expected the image 000003.jpg, which list_attr_celeba.txt names, found none",
    ),
    (lambda folder: (folder / LIST).unlink(), f"found no {LIST} in"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_what_is_not_as_published_is_named(files, change, message):
    labels = files[2]
    assert labels[1, 0] == 0 or "-1" not in message
    change(files[0] / "celeba")
    with pytest.raises(DataError, match=message):
        read(files)
    assert not list(files[1].rglob("*.partial"))


def test_a_split_without_images_is_named(tmp_path):
    write_celeba(tmp_path / "celeba", (0, 0, 2))
    with pytest.raises(DataError, match="images of each split, .* validation .1."):
        celeba(data_dir=tmp_path, cache_dir=tmp_path / "cache")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ("Smile",)}, "celeba: expected tasks"),
        ({"size": 219}, "size from 1 to 218, found 219"),
    ],
)
def test_wrong_options_are_refused(files, options, message):
    with pytest.raises(ValueError, match=message):
        read(files, **options)


def test_the_config_builds_what_the_network_reads(files):
    options = [f"data.data_dir={files[0]}", "data.tasks=[Young,Smiling]"]
    options += ["data=celeba", "encoder=vgg", "model=shared_bottom", "trainer=celeba"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    features = {"image": parts.dataset.test.features["image"]}
    init = parts.model.init_with_output
    outputs, variables = jax.eval_shape(init, jax.random.key(0), features)
    assert {task: y.shape for task, y in outputs.items()} == {
        "Young": (2,),
        "Smiling": (2,),
    }
    assert "conv_3_1" in variables["params"]["encoder"]["image"]["encoder"]
