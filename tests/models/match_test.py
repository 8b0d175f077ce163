"""Sizing one model to another's number of parameters."""

import jax
import pytest

from mtlx import models

PAPER = {"numerical": jax.ShapeDtypeStruct((1, 100), "float32")}
FIELDS = {
    "tasks": ("a", "b"),
    "outputs": (1, 1),
    "encoder": models.FeatureEncoder,
    "tower_widths": (8,),
}
MIXTURE = models.MMoE(**FIELDS, num_experts=8, expert_widths=(16,))
GATES = 2 * 100 * 8


def bottom(width):
    return models.SharedBottom(**FIELDS, bottom_widths=(width,))


def test_the_papers_mixture_has_the_papers_number_of_parameters():
    """13,056 weights in experts and towers; gates, biases and outputs come on top."""
    biases_and_outputs = 8 * 16 + 2 * (8 + 8 + 1)
    count = models.count_parameters(MIXTURE, PAPER)
    assert count == 13_056 + GATES + biases_and_outputs


@pytest.mark.parametrize(("uncounted", "width"), [(GATES, 113), (0, 126)])
def test_the_papers_shared_bottom_has_113_units_if_gates_do_not_count(uncounted, width):
    target = models.count_parameters(MIXTURE, PAPER) - uncounted
    assert models.match_params(bottom, target, PAPER) == width


@pytest.mark.parametrize("width", [1, 2, 128, 129])
@pytest.mark.parametrize("offset", [-58, 0, 58])
def test_it_finds_the_nearest_width(width, offset):
    """One unit more is 117 parameters more: 58 off is still nearest to `width`."""
    target = models.count_parameters(bottom(width), PAPER) + offset
    if width == 1 and offset < 0:
        with pytest.raises(ValueError, match="at least 151 parameters.*found 93"):
            models.match_params(bottom, target, PAPER)
    else:
        assert models.match_params(bottom, target, PAPER) == width


def test_no_array_is_allocated():
    """The widths tried on the way to 2^33 parameters would not fit in memory."""
    features = {"numerical": jax.ShapeDtypeStruct((1, 2**22), "float32")}
    width = models.match_params(bottom, 2**33, features)
    assert abs(models.count_parameters(bottom(width), features) - 2**33) <= 2**21 + 10


def test_a_count_that_does_not_grow_is_refused():
    with pytest.raises(ValueError, match="grows with the width"):
        models.match_params(lambda width: bottom(5), 10_000, PAPER)


def test_flops_are_those_of_the_matrices():
    """Two per weight and row; what else a model does is small beside."""
    rows = {"numerical": jax.ShapeDtypeStruct((64, 100), "float32")}
    weights = 13_056 + GATES + 2 * 8
    mixing = 2 * 8 * 16  # of eight experts' outputs, for each task
    found = models.count_flops(MIXTURE, rows)
    assert found == pytest.approx(2 * (weights + mixing), rel=0.03)
    assert models.count_flops(bottom(10), rows) < models.count_flops(bottom(20), rows)
