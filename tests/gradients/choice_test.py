"""Which form is chosen, and which are refused."""

import jax.numpy as jnp
import pytest

from mtlx import gradients
from mtlx.gradients import Cut, check_form, choose
from mtlx.gradients.choice import MANY_TASKS

GRAM, GRADS = frozenset({"gram"}), frozenset({"grads"})


def test_a_named_form_is_taken():
    for form in gradients.FORMS[1:]:
        assert choose(form, GRAM, "all", 2, backend="cpu") == form


def test_nothing_is_chosen_where_nothing_is_measured():
    assert choose("auto", frozenset(), "all", 40, backend="cpu") is None
    assert choose("ghost", frozenset({"losses_after"}), "all", 40) is None


@pytest.mark.parametrize(
    ("backend", "num_tasks", "expected"),
    [
        ("cpu", 2, "loop"),
        ("cpu", MANY_TASKS - 1, "loop"),
        ("cpu", MANY_TASKS, "ghost"),
        ("cpu", 128, "ghost"),
        ("gpu", 2, "vmap"),
        ("tpu", 128, "vmap"),
    ],
)
def test_auto_follows_the_backend_and_the_number_of_tasks(backend, num_tasks, expected):
    assert choose("auto", GRAM, "all", num_tasks, backend=backend) == expected


def test_auto_never_estimates_and_keeps_to_what_is_needed():
    for backend in ("cpu", "gpu"):
        for tasks in (1, 2, 8, 40, 128):
            exact = choose("auto", GRAM, "all", tasks, backend=backend)
            assert exact not in ("sketch", "auto")
            held = choose("auto", GRADS, "all", tasks, backend=backend)
            assert held in ("vmap", "loop", "map")
    assert choose("auto", GRAM, "layer", 128, backend="cpu") == "loop"
    assert choose("auto", GRAM, "all", 128, remat=True, backend="cpu") == "loop"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ghosts", GRAM), "auto, vmap, loop.*'ghosts'"),
        (("ghosts", frozenset()), "'ghosts'"),
        (("ghost", GRADS), "gradients themselves"),
        (("sketch", GRADS), "gradients themselves"),
        (("sketch", GRAM, "layer"), "granularity='layer'"),
        (("ghost", GRAM, "all", True), "remat=False"),
        (("ghost", GRAM, "all", False, 2), "summed before the Gram"),
        (("auto", GRAM, "representation", False, 2), "another one in every part"),
        (("auto", frozenset({"cross_gram"}), "all", False, 2), "needs cross_gram"),
        (("auto", frozenset({"lookahead"}), "all", False, 2), "needs lookahead"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        check_form(*arguments)


def test_losses_alone_go_with_every_form_and_option():
    for form in gradients.FORMS:
        check_form(form, frozenset(), "layer", remat=True, accumulate=4)


def test_measure_refuses_before_it_runs_the_model():
    def never(params):
        raise AssertionError("the loss function was called")

    params = {"w": jnp.ones(2)}
    with pytest.raises(ValueError, match="expected a key"):
        gradients.measure(never, params, lambda p: None, GRAM, gradients="sketch")
    with pytest.raises(ValueError, match="'fast'"):
        gradients.measure(never, params, lambda p: None, GRAM, Cut(), gradients="fast")
