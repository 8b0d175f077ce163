"""What is refused, and that it is refused while tracing, with a way out."""

import jax.numpy as jnp
import pytest

from mtlx import balancers
from mtlx.types import Signals


@pytest.mark.parametrize(
    ("name", "argument", "wrong", "choices"),
    [
        ("equal", "reduction", "max", "'sum', 'mean'"),
        ("scale_invariant", "variant", "log2", "'log', 'log1p'"),
        ("rlw", "distribution", "uniform", "'normal', 'dirichlet'"),
        ("stch", "variant", "smooth", "'libmtl', 'plain'"),
        ("famo", "second_forward", "both", "'same', 'next'"),
        ("ldc_mtl", "normalise", "first", "'none', 'initial', 'log_initial'"),
        ("pcgrad", "reduction", "max", "'sum', 'mean'"),
        ("pcgrad", "order", "sorted", "'random', 'fixed'"),
        ("mgda", "normaliser", "l1", "'none', 'l2', 'loss', 'loss+'"),
        ("cagrad", "rescale", 3, "0, 1, 2"),
        ("metabalance", "strategy", "D", "'A', 'B', 'C'"),
        ("gradvac", "ema", "never", "'always', 'fired'"),
        (
            "config",
            "length",
            "sum",
            "'projection_sum', 'minimum', 'maximum', 'arithmetic', 'geometric', "
            "'harmonic'",
        ),
        ("aligned_mtl", "scale", "mean", "'min', 'median', 'rmse'"),
        ("nash_mtl", "normalise", "trace", "'frobenius', 'none'"),
        ("upgrad", "ridge", "none", "'identity', 'diagonal'"),
        ("dualproj", "ridge", "none", "'identity', 'diagonal'"),
    ],
)
def test_an_unknown_option_lists_the_choices(name, argument, wrong, choices):
    message = f"{argument} to be one of {choices}, found {wrong!r}".replace("+", r"\+")
    with pytest.raises(ValueError, match=message):
        getattr(balancers, name)(**{argument: wrong})


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("uncertainty", "initial"),
        ("uncertainty", "coefficient"),
        ("imtl_l", "initial"),
        ("stch", "weights"),
        ("stch", "nadir"),
        ("famo", "min_losses"),
        ("pbi", "preference"),
        ("pbi", "reference"),
        ("cosmos", "preference"),
        ("gradnorm", "initial_losses"),
    ],
)
def test_one_number_a_task_or_one_for_all(name, argument):
    balancer = getattr(balancers, name)(**{argument: (0.5, 1.0)})
    balancer.init(2)
    with pytest.raises(ValueError, match=rf"{argument} to be one number .* of 3"):
        balancer.init(3)


@pytest.mark.parametrize("name", ["gradnorm", "mgda", "pcgrad", "cagrad"])
def test_a_gram_matrix_of_other_tasks_is_refused(name):
    balancer = getattr(balancers, name)()
    signals = Signals(losses=jnp.ones(3), gram=jnp.eye(2))
    with pytest.raises(ValueError, match=r"shape \(3, 3\).*found \(2, 2\)"):
        balancer.update(signals, balancer.init(3), key=jnp.zeros(2, jnp.uint32))
