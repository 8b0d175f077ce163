"""LeNet and ResNet against their formulas in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from mtlx.models.convolution import Convolution
from mtlx.models.encoders import VGG, LeNet, ResNet
from mtlx.models.encoders.pixels import scale_pixels

KEY = jax.random.key(0)


def pixels(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def correlate(x, kernel, stride=1, pad=0):
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    windows = sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.einsum("bhwcij,ijcd->bhwd", windows[:, ::stride, ::stride], kernel)


def pool(x):
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    cut = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return cut.max(axis=(2, 4))


def group_norm(x, params, groups):
    cut = x.reshape(*x.shape[:3], groups, -1)
    mean = cut.mean(axis=(1, 2, 4), keepdims=True)
    variance = cut.var(axis=(1, 2, 4), keepdims=True)
    normed = ((cut - mean) / np.sqrt(variance + 1e-6)).reshape(x.shape)
    return normed * params["scale"] + params["bias"]


def random_variables(module, images, randomize):
    return randomize(jax.eval_shape(module.init, KEY, images), scale=0.3)


def count_parameters(module, images):
    params = jax.eval_shape(module.init, KEY, images)["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_integers_are_scaled_to_one_and_numbers_are_not():
    images = pixels((2, 3, 3, 2))
    expected = (images / 255 - np.array([0.1, 0.5])) / np.array([0.2, 0.3])
    found = scale_pixels(jnp.asarray(images), (0.1, 0.5), (0.2, 0.3))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    numbers = jnp.asarray(images / 255, jnp.float32)
    again = scale_pixels(numbers, (0.1, 0.5), (0.2, 0.3))
    np.testing.assert_allclose(again, found, rtol=1e-5)


def test_lenet_is_its_formula(randomize):
    module = LeNet(channels=(3, 4), kernels=(3, 2), width=5)
    images = pixels((2, 13, 12, 2))
    variables = random_variables(module, images, randomize)
    params = jax.tree.map(np.asarray, variables["params"])
    x = (images / 255 - 0.1307) / 0.3081
    for index in range(2):
        conv = params[f"conv_{index}"]
        x = np.maximum(pool(correlate(x, conv["kernel"]) + conv["bias"]), 0)
    assert x.shape == (2, 2, 2, 4)
    dense = params["dense"]
    expected = np.maximum(x.reshape(2, -1) @ dense["kernel"] + dense["bias"], 0)
    assert np.any(expected > 0)
    found = module.apply(variables, jnp.asarray(images))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("train", [False, True])
def test_lenet_is_the_same_on_an_accelerator(randomize, monkeypatch, train):
    """Dropped channels included."""
    module, images = LeNet(), jnp.asarray(pixels((3, 28, 28, 1)))
    variables = random_variables(module, images, randomize)
    options = {"train": train, "rngs": {"dropout": KEY}}
    expected = module.apply(variables, images, **options)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    found = module.apply(variables, images, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("side", "kernels", "flat"), [(28, (5, 5), 320), (36, (9, 5), 500)]
)
def test_lenet_has_the_sizes_of_the_papers(side, kernels, flat):
    images = jax.ShapeDtypeStruct((1, side, side, 1), np.uint8)
    first, second = kernels
    expected = 10 * (first**2 + 1) + 20 * (10 * second**2 + 1) + 50 * (flat + 1)
    assert count_parameters(LeNet(kernels=kernels), images) == expected


def test_lenet_drops_whole_channels_of_the_last_convolution():
    module, images = LeNet(), jnp.asarray(pixels((3, 28, 28, 1)))
    variables = module.init(KEY, images)
    captured = {}
    for train in (False, True):
        _, state = module.apply(
            variables,
            images,
            train=train,
            rngs={"dropout": KEY},
            capture_intermediates=lambda m, _: type(m).__name__ in ("Dropout", "Conv"),
        )
        captured[train] = state["intermediates"]
    (conv,) = captured[True]["conv_1"]["__call__"]
    before = np.maximum(pool(np.transpose(conv, (3, 1, 2, 0))), 0)
    *_, after = captured[True]["Dropout_0"]["__call__"]
    kept = np.any(after != 0, axis=(1, 2))
    assert 0.2 < kept.mean() < 0.8
    doubled = np.where(kept[:, None, None], 2 * before, 0.0)
    np.testing.assert_allclose(after, doubled, rtol=1e-6)
    *_, still = captured[False]["Dropout_0"]["__call__"]
    np.testing.assert_array_equal(still, before)


def test_resnet_is_its_formula(randomize):
    module = ResNet(widths=(4, 8), blocks=(1, 1), norm="group")
    images = pixels((2, 6, 7, 1))
    variables = random_variables(module, images, randomize)
    params = jax.tree.map(np.asarray, variables["params"])

    def convolve(x, part, stride=1):
        z = correlate(x, part["conv"]["kernel"], stride, pad=1)
        return group_norm(z, part["norm"], groups=1)

    x = np.maximum(convolve((images / 255 - 0.5) / 0.25, params["stem"]), 0)
    for name, stride, missing in (("block_0_0", 1, 0), ("block_1_0", 2, 4)):
        block = params[name]
        z = np.maximum(convolve(x, block["conv_0"], stride), 0)
        kept = np.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(0, missing)])
        x = np.maximum(kept + convolve(z, block["conv_1"]), 0)
    found = module.apply(variables, jnp.asarray(images))
    np.testing.assert_allclose(found, x.mean(axis=(1, 2)), rtol=1e-3, atol=1e-4)


def test_resnet_20_has_the_parameters_of_the_paper():
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), np.uint8)
    classifier = 64 * 10 + 10
    assert count_parameters(ResNet(), images) == 269_722 - classifier


def test_vgg_is_its_formula(randomize):
    module = VGG(widths=(3, 4), convolutions=(1, 2), norm="none", mean=0.2, std=0.5)
    images = pixels((2, 6, 7, 2))
    variables = random_variables(module, images, randomize)
    params = jax.tree.map(np.asarray, variables["params"])
    x = (images / 255 - 0.2) / 0.5
    for name in ("conv_0_0", "conv_1_0", "conv_1_1"):
        x = pool(x) if name == "conv_1_0" else x
        conv = params[name]["conv"]
        x = np.maximum(correlate(x, conv["kernel"], pad=1) + conv["bias"], 0)
    assert x.shape == (2, 3, 3, 4)
    found = module.apply(variables, jnp.asarray(images))
    np.testing.assert_allclose(found, x.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_vgg_has_the_sizes_of_the_network_of_celeba():
    """Kernels without biases, and scale and shift of each norm."""
    images = jax.ShapeDtypeStruct((1, 64, 64, 3), np.uint8)
    widths = (3, 64, 128, 128, 256, 256, 512, 512)
    pairs = zip(widths[:-1], widths[1:], strict=True)
    expected = sum(9 * a * b + 2 * b for a, b in pairs)
    assert count_parameters(VGG(), images) == expected


def test_group_norm_takes_eight_channels_or_what_divides():
    x = jax.random.normal(KEY, (2, 4, 4, 3))
    for width, groups in ((16, 2), (10, 5)):
        module = Convolution(width, norm="group", activation=lambda z: z)
        variables = module.init(KEY, x)
        bare = Convolution(width, activation=lambda z: z)
        kernel = {"params": {"conv": variables["params"]["conv"] | {"bias": 0.0}}}
        kernel["params"]["conv"]["bias"] = jnp.zeros(width)
        z = np.asarray(bare.apply(kernel, x))
        expected = group_norm(z, {"scale": 1.0, "bias": 0.0}, groups)
        found = module.apply(variables, x)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_batch_norm_makes_rows_of_a_batch_alike_in_training_only():
    module, x = Convolution(4, norm="batch"), jax.random.normal(KEY, (4, 5, 5, 2))
    variables = module.init(KEY, x)
    _, state = module.apply(variables, x, train=True, mutable=["batch_stats"])
    assert np.all(state["batch_stats"]["norm"]["mean"] != 0)
    alone = module.apply(variables, x[:1])
    together = module.apply(variables, x)
    np.testing.assert_allclose(together[:1], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LeNet(channels=(3,), kernels=(3, 2)), "one kernel for each"),
        (lambda: ResNet(widths=(4, 8), blocks=(1,)), "number of blocks >= 1"),
        (lambda: ResNet(widths=(8, 4), blocks=(1, 1)), "do not shrink.*8, 4"),
        (lambda: VGG(widths=(4, 8), convolutions=(1,)), "number of convolutions >= 1"),
        (lambda: Convolution(4, kernel=2), "odd kernel.*found 2"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_small_images_are_refused():
    with pytest.raises(ValueError, match="found 12 x 30; set encoder.image.kernels"):
        LeNet().init(KEY, jnp.zeros((1, 12, 30, 1)))
    with pytest.raises(ValueError, match="at least 8 pixels a side.*found 9 x 7"):
        VGG().init(KEY, jnp.zeros((1, 9, 7, 1)))
