"""What the bilevel balancers refuse."""

import jax.numpy as jnp
import pytest

from mtlx.train.bilevel import auto_lambda, forum, moml
from mtlx.types import Signals

METHODS = {"auto_lambda": auto_lambda, "moml": moml, "forum": forum}


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda: auto_lambda(hessian="dense"), "'exact', 'finite'"),
        (lambda: auto_lambda((3,)).init(3), "from 0 to 2, found \\(3,\\)"),
        (lambda: auto_lambda(()).init(3), "at least one"),
        (lambda: moml(inner_steps=0), "inner_steps >= 1"),
        (lambda: moml(normaliser="l3"), "normaliser"),
        (lambda: forum(inner_steps=0), "inner_steps >= 1"),
    ],
)
def test_wrong_values_are_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()


@pytest.mark.parametrize("name", METHODS)
def test_it_asks_for_the_lookahead(name):
    balancer = METHODS[name]()
    with pytest.raises(ValueError, match="signals.lookahead, found None"):
        balancer.update(Signals(jnp.ones(2)), balancer.init(2))
