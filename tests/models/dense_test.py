"""The trunk of maps and the architectures on it."""

import functools

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models
from mtlx.models import dense
from mtlx.models.dense.attention import DenseAttention
from mtlx.models.dense.maps import Block, Maps
from mtlx.models.resize import double, halve
from mtlx.types import Field

KEY = jax.random.key(0)
TASKS, OUTPUTS = ("segmentation", "depth", "normals"), (4, 1, 3)
FIELDS = (Field("image", "image", (8, 12, 3)),)
TRUNK = functools.partial(dense.SegNet, widths=(3, 5), norm="none", fields=FIELDS)
CLASSES = [dense.DenseSharedBottom, dense.DenseSingleTask, dense.DenseMTAN]


def build(cls, **fields):
    common = {"tasks": TASKS, "outputs": OUTPUTS, "encoder": TRUNK}
    return cls(**common | {"tower_widths": (4,)} | fields)


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 200, (2, 8, 12, 3), np.uint8)
    return {"image": jnp.asarray(pixels)}


def shapes(module, features):
    return jax.eval_shape(module.init, KEY, features)


def test_places_are_halved_and_doubled():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    expected = np.array([[5.0, 7.0], [13.0, 15.0]])
    np.testing.assert_array_equal(halve(x)[0, :, :, 0], expected)
    again = np.kron(expected, np.ones((2, 2)))
    np.testing.assert_array_equal(double(halve(x))[0, :, :, 0], again)


def test_segnet_goes_down_and_up_again(images, quick_jit):
    sizes, _ = quick_jit(TRUNK().init_with_output)(KEY, images)
    down = [(2, 8, 12, 3), (2, 4, 6, 5)]
    up = [(2, 4, 6, 3), (2, 8, 12, 3)]
    for blocks, expected in ((sizes.down, down), (sizes.up, up)):
        assert [block.early.shape for block in blocks] == expected
        assert [block.late.shape for block in blocks] == expected
    assert sizes.last.shape == (2, 8, 12, 3)


def test_a_pixel_of_the_smallest_map_reaches_far(images, randomize):
    """The corner of the image moves the opposite corner of its quarter."""
    variables = randomize(shapes(TRUNK(), images), scale=0.4)
    moved = {"image": images["image"].at[:, 0, 0].add(50)}
    before, after = (TRUNK().apply(variables, x).last for x in (images, moved))
    reached = np.argwhere(np.any(before != after, axis=(0, 3)))
    assert reached.max(axis=0).min() >= 5


@pytest.mark.parametrize("cls", CLASSES)
def test_one_output_a_pixel_in_its_shape(cls, images):
    outputs, variables = jax.eval_shape(build(cls).init_with_output, KEY, images)
    assert {task: y.shape for task, y in outputs.items()} == {
        "segmentation": (2, 8, 12, 4),
        "depth": (2, 8, 12),
        "normals": (2, 8, 12, 3),
    }
    assert all(y.dtype == jnp.float32 for y in outputs.values())
    rounded = build(cls, dtype="bfloat16", norm="batch")
    outputs, variables = jax.eval_shape(rounded.init_with_output, KEY, images)
    leaves = [*jax.tree.leaves(variables), *outputs.values()]
    assert all(leaf.dtype == jnp.float32 for leaf in leaves)


@pytest.mark.parametrize("cls", CLASSES)
def test_declared_owners_are_the_derived_ones(cls, images, randomize, quick_jit):
    trunk = functools.partial(TRUNK, widths=(2,))
    model, images = build(cls, encoder=trunk), {"image": images["image"][:1]}
    params = randomize(shapes(model, images)["params"], scale=0.4)

    def values(params):
        outputs = model.apply({"params": params}, images)
        return {task: jnp.sum(jnp.sin(3.0 * y)) for task, y in outputs.items()}

    influence = {}
    for task, tree in quick_jit(jax.jacrev(values))(params).items():
        for path, leaf in flax.traverse_util.flatten_dict(tree).items():
            tasks = influence.setdefault(path, set())
            if np.any(leaf):
                tasks.add(task)
    for path, tasks in influence.items():
        (owner,) = tasks if len(tasks) == 1 else (None,)
        assert tasks and model.owner(path) == owner, path
    last = [path for path in influence if model.is_last(path)]
    assert bool(last) == (cls is not dense.DenseSingleTask)


def test_attention_is_its_formula(randomize):
    rng = np.random.default_rng(1)
    maps = Maps(
        down=(Block(*jnp.float32(rng.normal(size=(2, 1, 4, 4, 2)))),),
        up=(Block(*jnp.float32(rng.normal(size=(2, 1, 4, 4, 2)))),),
    )
    module = DenseAttention(width=3)

    def carry(index, x):
        assert index == 1
        return 2.0 * x + 1.0

    init = functools.partial(module.init, carry=carry)
    variables = randomize(jax.eval_shape(init, KEY, maps))
    params = jax.tree.map(np.asarray, variables["params"])

    def affine(part, x):
        conv = params[part]["conv"]
        return x @ conv["kernel"][0, 0] + conv["bias"]

    def mask(index, read):
        inner = np.maximum(affine(f"inner_{index}", read), 0)
        return 1 / (1 + np.exp(-affine(f"mask_{index}", inner)))

    (down,), (up,) = jax.tree.map(np.asarray, tuple(map(tuple, maps)))
    first = mask(0, down.early) * down.late
    halved = first.reshape(1, 2, 2, 2, 2, 2).max(axis=(2, 4))
    doubled = halved.repeat(2, axis=1).repeat(2, axis=2)
    read = np.concatenate([up.early, 2 * doubled + 1], axis=-1)
    expected = mask(1, read) * up.late
    found = module.apply(variables, maps, carry)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_open_masks_make_mtan_the_shared_bottom(images, randomize):
    """With masks of 1 every task reads the last map, as under hard sharing."""
    mtan, hard = build(dense.DenseMTAN), build(dense.DenseSharedBottom)
    params = randomize(shapes(mtan, images)["params"], scale=0.4)
    for name, part in params.items():
        if name.startswith("attention"):
            conv = part["mask_3"]["conv"]
            part["mask_3"]["conv"] = {
                "kernel": 0 * conv["kernel"],
                "bias": conv["bias"] * 0 + 40.0,
            }
    kept = {k: v for k, v in params.items() if k.startswith(("encoder", "tower"))}
    found = mtan.apply({"params": params}, images)
    expected = hard.apply({"params": kept}, images)
    for task in TASKS:
        np.testing.assert_allclose(found[task], expected[task], rtol=1e-4, atol=1e-4)


def test_probes_are_at_all_maps_that_tasks_read(images):
    for cls, count in ((dense.DenseSharedBottom, 1), (dense.DenseMTAN, 8)):
        model = build(cls)
        variables = shapes(model, images)
        _, state = jax.eval_shape(
            lambda v, x, model=model: model.apply(v, x, mutable=["perturbations"]),
            {"params": variables["params"]},
            images,
        )
        assert len(jax.tree.leaves(state["perturbations"])) == count


def test_what_does_not_fit_is_refused(images):
    rows = functools.partial(models.FeatureEncoder, cardinalities=(3,))
    ids = {"categorical": jnp.zeros((2, 1), jnp.int32)}
    with pytest.raises(ValueError, match="encoder=dense/segnet"):
        build(dense.DenseMTAN, encoder=rows).init(KEY, ids)
    with pytest.raises(ValueError, match="a label a pixel.*found binary"):
        build(dense.DenseSharedBottom).check_kinds(("depth", "binary"))
    with pytest.raises(ValueError, match="a label a row, found depth.*dense/"):
        models.MTAN(tasks=("a",), outputs=(1,), encoder=rows).check_kinds(("depth",))
    with pytest.raises(ValueError, match="one image field.*found fields of kinds"):
        dense.SegNet(fields=())
    with pytest.raises(ValueError, match="sides that 8 divides.*found.* 8 x 12"):
        TRUNK(widths=(2, 2, 2)).init(KEY, images)
