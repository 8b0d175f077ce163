"""Random enlarged parts of an image, against a plain loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.data import scale_crop as module
from mtlx.data.dataset import Augmented
from mtlx.data.feed import make_feed
from mtlx.data.scale_crop import scale_crop
from mtlx.types import Batch

SIDES = (12, 18)
RNG = np.random.default_rng(0)
crop = jax.jit(scale_crop)


def row(seed=0):
    rng = np.random.default_rng(seed)
    known = rng.random((3, *SIDES)) < 0.8
    normals = rng.normal(size=(*SIDES, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    labels = {
        "segmentation": np.where(known[0], rng.integers(0, 5, SIDES), -1).astype(
            np.int8
        ),
        "depth": np.float32(np.where(known[1], rng.uniform(1, 9, SIDES), np.nan)),
        "normals": np.float32(np.where(known[2][..., None], normals, np.nan)),
    }
    image = rng.integers(0, 256, (*SIDES, 3), np.uint8)
    return Batch({"image": image}, labels, {name: True for name in labels})


def linear(part, sides):
    """`part` [h, w, C] on `sides` pixels, corners on corners, one pixel at a time."""
    made = np.zeros((*sides, part.shape[-1]))
    for i, j in np.ndindex(*sides):
        y, x = (
            place * (length - 1) / (side - 1)
            for place, length, side in zip((i, j), part.shape, sides, strict=False)
        )
        top, left = (
            min(int(v), n - 2) for v, n in zip((y, x), part.shape, strict=False)
        )
        dy, dx = y - top, x - left
        made[i, j] = (1 - dy) * (
            (1 - dx) * part[top, left] + dx * part[top, left + 1]
        ) + dy * ((1 - dx) * part[top + 1, left] + dx * part[top + 1, left + 1])
    return made


def nearest(part, sides):
    made = np.zeros(sides, part.dtype)
    for i, j in np.ndindex(*sides):
        made[i, j] = part[i * part.shape[0] // sides[0], j * part.shape[1] // sides[1]]
    return made


def candidates(given):
    """Every (scale, top, left, mirrored) and what its classes look like."""
    for scale in module.SCALES:
        height, width = (int(side / scale) for side in SIDES)
        for top in range(SIDES[0] - height + 1):
            for left in range(SIDES[1] - width + 1):
                part = np.s_[top : top + height, left : left + width]
                classes = nearest(given.labels["segmentation"][part], SIDES)
                yield scale, part, False, classes
                yield scale, part, True, classes[:, ::-1]


def test_every_draw_is_a_part_enlarged_and_all_labels_are_of_that_part():
    given, seen = row(), []
    found = list(candidates(given))
    for seed in range(12):
        made = jax.tree.map(np.asarray, crop(given, jax.random.key(seed)))
        (match,) = (
            c for c in found if np.array_equal(c[3], made.labels["segmentation"])
        )
        scale, part, mirrored, _ = match
        turn = np.s_[:, ::-1] if mirrored else np.s_[:]
        image = linear(given.features["image"][part].astype(float), SIDES)[turn]
        assert made.features["image"].dtype == np.uint8
        assert np.abs(made.features["image"] - image).max() <= 0.5 + 1e-3
        depth = nearest(given.labels["depth"][part], SIDES)[turn] / np.float32(scale)
        np.testing.assert_allclose(made.labels["depth"], depth, rtol=1e-6)
        normals = linear(np.nan_to_num(given.labels["normals"][part]), SIDES)[turn]
        none = (normals == 0).all(axis=-1)
        normals = normals * ([-1, 1, 1] if mirrored else [1, 1, 1])
        normals[none] = np.nan
        np.testing.assert_allclose(made.labels["normals"], normals, atol=1e-5)
        seen.append((scale, mirrored))
    assert {scale for scale, _ in seen} == set(module.SCALES)
    assert {mirrored for _, mirrored in seen} == {True, False}


def test_places_and_scales_are_drawn_evenly():
    """From an image whose pixels are their own numbers."""
    places = np.arange(np.prod(SIDES), dtype=np.int32).reshape(SIDES)
    image = np.zeros((*SIDES, 3), np.uint8)
    given = Batch({"image": image}, {"segmentation": places}, {"segmentation": True})
    keys = jax.random.split(jax.random.key(0), 3000)
    made = jax.jit(jax.vmap(scale_crop, (None, 0)))(given, keys)
    classes = np.asarray(made.labels["segmentation"])
    corners = np.minimum(classes[:, 0, 0], classes[:, 0, -1])  # also where mirrored
    tops, lefts = corners // SIDES[1], corners % SIDES[1]
    mirrored = classes[:, 0, 0] > classes[:, 0, -1]
    assert abs(mirrored.mean() - 0.5) < 0.04
    rows_shown = (classes.max(axis=(1, 2)) // SIDES[1]) - tops + 1
    for scale in module.SCALES:
        height, width = (int(side / scale) for side in SIDES)
        drawn = rows_shown == height
        assert abs(drawn.mean() - 1 / 3) < 0.04
        for found, most in ((tops, SIDES[0] - height), (lefts, SIDES[1] - width)):
            counts = np.bincount(found[drawn], minlength=most + 1) / drawn.sum()
            np.testing.assert_allclose(counts, 1 / (most + 1), atol=0.06)


def test_a_row_counts_by_what_it_shows():
    given = row()
    labels = dict(given.labels)
    labels["depth"] = np.full(SIDES, np.nan, np.float32)
    labels["normals"] = np.full((*SIDES, 3), np.nan, np.float32)
    made = crop(given._replace(labels=labels), jax.random.key(0))
    where = {name: bool(value) for name, value in made.where.items()}
    assert where == {"segmentation": True, "depth": False, "normals": False}


@pytest.fixture
def feed():
    rows = jax.tree.map(lambda *x: np.stack(x), *(row(seed) for seed in range(7)))

    def change(one, key):  # tells which row and which key
        number = jax.random.randint(key, (), 0, 2**20)
        return one._replace(features={**one.features, "drawn": number})

    return make_feed(Augmented(rows, change), 2), rows


def test_an_augmented_feed_shows_every_row_once_with_keys_of_their_own(feed):
    feed, rows = feed
    assert (feed.steps_per_epoch, feed.batch_size) == (3, 2)
    numbers, keys = feed.order(jax.random.key(1))
    assert numbers.shape == keys.shape == (3, 2)
    assert len(set(np.asarray(numbers).ravel().tolist())) == 6
    drawn = []
    for step in range(3):
        batch = feed.fetch(feed.arrays, (numbers[step], keys[step]))
        expected = rows.labels["depth"][np.asarray(numbers[step])]
        np.testing.assert_array_equal(batch.labels["depth"], expected)
        drawn += batch.features["drawn"].tolist()
    assert len(set(drawn)) == 6
    other, _ = feed.order(jax.random.key(2))
    assert not np.array_equal(numbers, other)


def test_part_of_a_batch_is_those_rows(feed):
    """What `by_row` promises, and data-parallel training lives on."""
    feed, _ = feed
    first = jax.tree.map(lambda x: x[0], feed.order(jax.random.key(1)))
    whole = feed.fetch(feed.arrays, first)
    half = feed.fetch(feed.arrays, jax.tree.map(lambda x: x[1:], first))
    assert feed.by_row
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(half), strict=True):
        np.testing.assert_array_equal(a[1:], b)


def test_fewer_rows_than_a_batch_are_refused(feed):
    _, rows = feed
    with pytest.raises(ValueError, match="found 7 training rows for batch_size=8"):
        make_feed(Augmented(rows, scale_crop), 8)


def test_a_whole_batch_is_changed_in_one_program(feed):
    _, rows = feed
    feed = make_feed(Augmented(rows, scale_crop), 3)
    first = jax.tree.map(lambda x: x[0], feed.order(jax.random.key(1)))
    batch = jax.jit(feed.fetch)(feed.arrays, first)
    one = crop(jax.tree.map(lambda x: x[first[0][1]], rows), first[1][1])
    for a, b in zip(jax.tree.leaves(batch), jax.tree.leaves(one), strict=True):
        np.testing.assert_allclose(np.asarray(a)[1], b, rtol=1e-6)
    assert jnp.asarray(batch.where["depth"]).shape == (3,)
