"""Made-up images in MNIST's format."""

import hashlib

import numpy as np

from mtlx.data.builders.mnist_source import SOURCES


def idx(array, kind=8):
    """The content of an IDX file."""
    header = bytes([0, 0, kind, array.ndim])
    return header + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def publish_images(monkeypatch, folder, name, rows):
    """Makes random images the published ones of `SOURCES[name]`, in `folder`.

    Args:
        monkeypatch: pytest's.
        folder: where the folder `name` is put.
        name: "mnist" or "fashion_mnist".
        rows: stem ("train", "t10k") -> number of images.

    Returns:
        The arrays, by file name.
    """
    rng = np.random.default_rng(0)
    arrays = {}
    for stem, count in rows.items():
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[f"{stem}-images-idx3-ubyte"] = images
        arrays[f"{stem}-labels-idx1-ubyte"] = rng.integers(0, 10, count, np.uint8)
    (folder / name).mkdir(parents=True)
    digests = {}
    for file, array in arrays.items():
        (folder / name / file).write_bytes(idx(array))
        digests[file] = hashlib.sha256(idx(array)).hexdigest()
    monkeypatch.setitem(SOURCES, name, SOURCES[name]._replace(sha256=digests))
    return arrays
