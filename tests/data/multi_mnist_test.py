"""IDX files, canvases of two images, and the splits made of them."""

import functools
import gzip
import hashlib
import http.server
import threading
from pathlib import Path

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data import DataError, multi_mnist
from mtlx.data.builders.download_files import download_files
from mtlx.data.builders.mnist_source import FILES, SOURCES
from mtlx.data.idx import parse_idx
from mtlx.data.overlay import overlay

ROWS = {"train": 10_040, "t10k": 30}


def idx(array, kind=8):
    header = bytes([0, 0, kind, array.ndim])
    return header + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture(scope="module")
def arrays():
    """Images that are dark but for a few pixels, and labels, by file name."""
    rng = np.random.default_rng(0)
    made = {}
    for stem, rows in ROWS.items():
        images = rng.integers(0, 256, (rows, 28, 28), np.uint8)
        made[f"{stem}-images-idx3-ubyte"] = images * (images % 5 == 0)
        made[f"{stem}-labels-idx1-ubyte"] = rng.integers(0, 10, rows, np.uint8)
    return made


@pytest.fixture
def folder(arrays, tmp_path, monkeypatch):
    """A data_dir whose mnist/ holds them, known by their own digests."""
    folder = tmp_path / "raw" / "mnist"
    folder.mkdir(parents=True)
    digests = {}
    for name, array in arrays.items():
        (folder / name).write_bytes(idx(array))
        digests[name] = hashlib.sha256(idx(array)).hexdigest()
    source = SOURCES["mnist"]._replace(sha256=digests)
    monkeypatch.setitem(SOURCES, "mnist", source)
    return folder.parent


def test_idx_is_read():
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    found = parse_idx(idx(array), Path("file"))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "file: expected an IDX file.*found b'<htm'"),
        (b"", "expected an IDX file"),
        (idx(np.zeros(3, np.uint8), kind=13), "type 8 .unsigned bytes.*found type 13"),
        (idx(np.zeros((2, 3), np.uint8))[:-1], r"\(2, 3\) or 6, found 5"),
        (idx(np.zeros((2, 3), np.uint8)) + b"0", r"\(2, 3\) or 6, found 7"),
        (idx(np.zeros((2, 3), np.uint8))[:7], "12 bytes, for 2 dimensions, found 7"),
    ],
)
def test_a_damaged_idx_file_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        parse_idx(content, Path("file"))


@pytest.mark.parametrize("size", [36, 28])
def test_a_canvas_shows_the_brighter_pixel(size):
    """Each pixel by itself; Pillow's index map from 36 to 28, checked against it."""
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 256, (2, 3, 28, 28), np.uint8)
    places = {
        36: list(range(36)),
        28: [0, 1, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 16, 17]
        + [18, 19, 21, 22, 23, 25, 26, 27, 28, 30, 31, 32, 34, 35],
    }[size]
    found = overlay(first, second, size)
    assert found.shape == (3, size, size) and found.dtype == np.uint8
    for a, row in enumerate(places):
        for b, column in enumerate(places):
            seen = np.zeros((2, 3), int)
            if row < 28 and column < 28:
                seen[0] = first[:, row, column]
            if row >= 8 and column >= 8:
                seen[1] = second[:, row - 8, column - 8]
            np.testing.assert_array_equal(found[:, a, b], seen.max(axis=0))


def test_splits_keep_apart_and_labels_follow_their_images(folder, arrays):
    data = multi_mnist(data_dir=folder, size=36)
    assert data.name == "multi_mnist"
    assert [(task.name, task.kind, task.outputs) for task in data.tasks] == [
        ("left", "multiclass", 10),
        ("right", "multiclass", 10),
    ]
    (field,) = data.schema.fields
    assert (field.kind, field.shape) == ("image", (36, 36, 1))
    ranges = {
        "train": ("train", range(40)),
        "validation": ("train", range(40, 10_040)),
        "test": ("t10k", range(30)),
    }
    for split, (stem, rows) in ranges.items():
        batch = getattr(data, split)
        images = arrays[f"{stem}-images-idx3-ubyte"]
        labels = arrays[f"{stem}-labels-idx1-ubyte"]
        canvases = batch.features["image"]
        assert canvases.shape == (len(rows), 36, 36, 1) and canvases.dtype == np.uint8
        np.testing.assert_array_equal(batch.labels["left"], labels[list(rows)])
        corners = canvases[:20, 28:, 28:, 0]  # which the first image does not reach
        for corner, label in zip(corners, batch.labels["right"], strict=False):
            same = (images[list(rows)][:, 20:, 20:] == corner).all(axis=(1, 2))
            assert label in labels[list(rows)][same]


def test_the_seed_draws_the_partners_and_fewer_rows_are_the_first(folder):
    full, again = (multi_mnist(data_dir=folder) for _ in range(2))
    few = multi_mnist(data_dir=folder, train_rows=7).train
    other = multi_mnist(data_dir=folder, seed=1)
    images = [data.train.features["image"] for data in (full, again, other)]
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[0] != images[2]).any()
    np.testing.assert_array_equal(few.features["image"], images[0][:7])
    np.testing.assert_array_equal(few.labels["right"], full.train.labels["right"][:7])


def test_an_image_is_to_be_drawn_as_it_was_before_the_other_lay_over_it(folder, arrays):
    tasks = ("reconstruct_right", "left", "reconstruct_left")
    data = multi_mnist(data_dir=folder, tasks=tasks, size=36)
    assert [(task.name, task.kind, task.outputs) for task in data.tasks] == [
        ("reconstruct_right", "vector", 784),
        ("left", "multiclass", 10),
        ("reconstruct_left", "vector", 784),
    ]
    images = arrays["t10k-images-idx3-ubyte"]
    batch = data.test
    drawn = {
        side: 255 * (0.1307 + 0.3081 * batch.labels[f"reconstruct_{side}"])
        for side in ("left", "right")
    }
    assert all(x.shape == (30, 784) for x in drawn.values())
    assert batch.labels["reconstruct_right"].dtype == np.float32
    np.testing.assert_allclose(drawn["left"], images.reshape(30, 784), atol=1e-3)
    parts = (np.rint(drawn[side]).reshape(-1, 28, 28) for side in ("left", "right"))
    canvas = overlay(*(part.astype(np.uint8) for part in parts), 36)
    np.testing.assert_array_equal(canvas, batch.features["image"][..., 0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["left", "middle"]}, "data.tasks from .*found .'left', 'middle'"),
        ({"tasks": ["left", "left"]}, "each once"),
        ({"left": "cifar"}, "data.left to be one of.*fashion_mnist.*found 'cifar'"),
        ({"size": 37}, "size from 1 to 36, found 37"),
        ({"train_rows": 41}, "train_rows from 1 to 40, found 41"),
    ],
)
def test_wrong_options_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        multi_mnist(data_dir=folder, **options)


def test_another_file_is_refused(folder):
    path = folder / "mnist" / FILES[0]
    path.write_bytes(path.read_bytes()[:-1] + b"\7")
    with pytest.raises(DataError, match=f"{FILES[0]}.*expected sha256"):
        multi_mnist(data_dir=folder)


@pytest.mark.parametrize(
    ("data", "encoder"),
    [
        ("multi_mnist", "lenet"),
        ("multi_fashion", "resnet"),
        ("multi_fashion_mnist", "lenet"),
    ],
)
def test_the_options_compose(folder, monkeypatch, data, encoder):
    monkeypatch.setitem(SOURCES, "fashion_mnist", SOURCES["mnist"])
    options = [f"data={data}", f"encoder={encoder}", f"data.data_dir={folder}"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(
            compose("train", overrides=[*options, "model=shared_bottom"])
        )
    assert parts.dataset.name == data
    features = jax.tree.map(lambda x: x[:2], dict(parts.dataset.test.features))
    init = parts.model.init_with_output
    outputs, variables = jax.eval_shape(init, jax.random.key(0), features)
    assert {task: y.shape for task, y in outputs.items()} == dict.fromkeys(
        ("left", "right"), (2, 10)
    )
    assert "image" in variables["params"]["encoder"]


def test_files_are_downloaded_once_and_verified(folder, tmp_path):
    served, cache = tmp_path / "www", tmp_path / "cache"
    served.mkdir()
    for path in (folder / "mnist").iterdir():
        (served / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=served)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        urls = {name: f"{address}/{name}.gz" for name in FILES}
        source = SOURCES["mnist"]._replace(urls=urls)
        SOURCES["mnist"] = source
        found = multi_mnist(cache_dir=cache)
        with pytest.raises(DataError, match="(?s)gone: expected to download.*put it"):
            download_files(
                source._replace(name="other", urls={FILES[0]: f"{address}/gone"}), cache
            )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    here = multi_mnist(data_dir=folder)
    for data in (found, multi_mnist(cache_dir=cache)):  # the second time from the cache
        image, expected = (d.test.features["image"] for d in (data, here))
        np.testing.assert_array_equal(image, expected)


@pytest.mark.full_data
def test_published_facts(full_data_dir):
    data = multi_mnist(right="fashion_mnist", data_dir=full_data_dir)
    assert data.name == "multi_fashion_mnist"
    splits = (data.train, data.validation, data.test)
    assert [len(s.labels["left"]) for s in splits] == [50_000, 10_000, 10_000]
    assert data.train.labels["left"][:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test.labels["left"][:5].tolist() == [7, 2, 1, 0, 4]
    # Partners are drawn with replacement: 1 - 1/e of the garments are seen.
    means = [split.features["image"].mean() / 255 for split in splits]
    np.testing.assert_allclose(means, means[0], rtol=0.02)
