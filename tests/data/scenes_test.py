"""Rendered scenes: labels that agree with each other and with geometry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.data import scene as scenes
from mtlx.data import synthetic_scenes
from mtlx.data.dataset import Stream
from mtlx.data.scene import Scene, draw_scene

SIDE = 96
render = jax.jit(scenes.render, static_argnums=1)
AT = (np.arange(SIDE) + 0.5) * 2 / SIDE - 1


def scene(kind, slope=(0.0, 0.0), **changed):
    one = Scene(
        kind=jnp.array([kind]),
        centre=jnp.array([[0.2, -0.1, 1.5]]),
        radius=jnp.array([0.5]),
        slope=jnp.array([slope, (0.1, -0.2)]),
        colour=jnp.array([[1.0, 0.5, 0.25], [0.5, 0.5, 0.5]]),
        light=jnp.array([0.0, 0.0, -1.0]),
    )
    return one._replace(**changed)


def test_a_sphere_is_where_geometry_says():
    view = render(scene(1), SIDE)
    y, x = np.meshgrid(AT, AT, indexing="ij")
    square = (x - 0.2) ** 2 + (y + 0.1) ** 2
    inside = square < 0.25
    np.testing.assert_array_equal(view.segmentation, inside)
    height = np.sqrt(np.maximum(0.25 - square, 0))
    expected = np.where(inside, 1.5 - height, 3.5 + 0.1 * x - 0.2 * y)
    np.testing.assert_allclose(view.depth, expected, atol=1e-4)
    on_it = np.stack([x - 0.2, y + 0.1, -height], axis=-1) / 0.5
    np.testing.assert_allclose(view.normals[inside], on_it[inside], atol=1e-4)
    wall = np.array([0.1, -0.2, -1]) / np.sqrt(1.05)
    np.testing.assert_allclose(view.normals[~inside], [wall] * (~inside).sum(), 1e-5)


@pytest.mark.parametrize(("kind", "slope"), [(1, (0, 0)), (2, (0, 0)), (3, (0.7, -1))])
def test_normals_are_the_slopes_of_the_depth(kind, slope):
    """Away from edges, against differences of the depth."""
    view = render(scene(kind, slope), SIDE)
    depth = np.asarray(view.depth, np.float64)
    dy, dx = np.gradient(depth, 2 / SIDE)
    towards = np.stack([dx, dy, -np.ones_like(dx)], axis=-1)
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    y, x = np.meshgrid(AT, AT, indexing="ij")
    off = np.stack([np.abs(x - 0.2), np.abs(y + 0.1)])
    far = off.max(axis=0) if kind == 3 else np.hypot(*off)
    inner = (far > 0.05) & (far < 0.4)
    assert (view.segmentation[inner] == kind).all()
    cosine = np.sum(towards * view.normals, axis=-1)
    for place in (inner, far > 0.6):
        assert cosine[place].min() > np.cos(np.radians(1.5))


def test_the_nearer_solid_hides_the_other():
    near, far = draw_scene(jax.random.key(0), 1), scene(1)
    near = near._replace(kind=jnp.array([3]), slope=0 * near.slope)
    near = near._replace(centre=jnp.array([[0.3, 0.0, 0.5]]))
    both = Scene(
        *(jnp.concatenate([a, b]) for a, b in zip(near[:3], far[:3], strict=True)),
        slope=jnp.concatenate([near.slope[:1], far.slope]),
        colour=jnp.concatenate([near.colour[:1], far.colour]),
        light=far.light,
    )
    alone, together = (render(each, SIDE) for each in (far, both))
    hidden = np.asarray(together.segmentation == 3)
    assert hidden.any() and (np.asarray(alone.segmentation)[hidden] == 1).any()
    np.testing.assert_allclose(together.depth[hidden], 0.5)
    np.testing.assert_array_equal(together.depth[~hidden], alone.depth[~hidden])


def test_colour_is_shading_in_a_fog():
    view = render(scene(1, light=jnp.array([0.6, 0.0, -0.8])), SIDE)
    shade = 0.3 + 0.7 * np.maximum(view.normals @ np.array([0.6, 0, -0.8]), 0)
    dimmed = shade * np.exp(-0.35 * (view.depth - 1))
    inside = np.asarray(view.segmentation == 1)
    colour = np.where(inside[..., None], [1.0, 0.5, 0.25], [0.5, 0.5, 0.5])
    expected = np.clip(colour * dimmed[..., None], 0, 1)
    np.testing.assert_allclose(view.image, expected, atol=1e-5)


def test_random_scenes_show_all_classes_and_only_proper_labels():
    keys = jax.random.split(jax.random.key(0), 32)
    views = jax.jit(jax.vmap(lambda key: render(draw_scene(key, 3), 16)))(keys)
    assert set(np.unique(views.segmentation)) == {0, 1, 2, 3}
    assert 0.99 < views.depth.min() and views.depth.max() < 4
    np.testing.assert_allclose(np.linalg.norm(views.normals, axis=-1), 1, atol=1e-5)
    assert (views.normals[..., 2] < 0).all()  # towards the eye
    assert (views.image >= 0).all() and (views.image <= 1).all()


def test_dataset():
    data = synthetic_scenes(side=16, eval_rows=64, missing=0.25, seed=1)
    assert isinstance(data.train, Stream)
    kinds = [(task.name, task.kind, task.outputs) for task in data.tasks]
    assert kinds == [
        ("segmentation", "segmentation", 4),
        ("depth", "depth", 1),
        ("normals", "normals", 3),
    ]
    for split in (data.validation, data.test):
        assert split.features["image"].shape == (64, 16, 16, 3)
        assert split.features["image"].dtype == np.uint8
        known = {
            "segmentation": split.labels["segmentation"] >= 0,
            "depth": np.isfinite(split.labels["depth"]),
            "normals": np.isfinite(split.labels["normals"]).all(axis=-1),
        }
        for task, pixels in known.items():
            np.testing.assert_allclose(pixels.mean(), 0.75, atol=0.02)
            np.testing.assert_array_equal(split.where[task], pixels.any(axis=(1, 2)))
        assert not np.array_equal(known["depth"], known["normals"])
    assert not np.array_equal(
        data.validation.labels["depth"], data.test.labels["depth"]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 0}, "side and num_solids of at least 1, found 0"),
        ({"missing": 1.0}, r"missing in \[0, 1\), found 1.0"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        synthetic_scenes(**options)
