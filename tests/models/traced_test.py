"""Numbers of an architecture may be traced, so that vmap sweeps over them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models

CHAIN = {"outputs": (1, 1, 1)}


@pytest.mark.parametrize(
    ("cls", "fields", "name"),
    [
        (models.ESCM2IPW, CHAIN, "risk_weight"),
        (models.ESCM2IPW, CHAIN, "min_propensity"),
        (models.AITM, CHAIN | {"bottom_widths": (4,)}, "calibrator"),
        (models.PEPNet, {"task_widths": (4,)}, "gate_scale"),
        (models.M3oE, {"expert_widths": (4,)}, "initial_balance"),
    ],
)
def test_a_traced_number_is_the_number(
    make, make_features, quick_jit, cls, fields, name
):
    features = make_features(0)
    ones = dict.fromkeys(make(cls, **fields).tasks, jnp.ones(6))

    def evaluate(value):
        model = make(cls, **fields, **{name: value})
        params = model.init(jax.random.key(0), features)["params"]
        outputs, sown = model.apply(
            {"params": params}, features, mutable=["auxiliary", "penalties"]
        )
        where = {task: jnp.ones(6, bool) for task in ones}
        handed = sown.pop("auxiliary", {})
        return outputs, sown, model.auxiliary_losses(outputs, handed, ones, where)

    values = jnp.array([0.2, 0.9])
    together = quick_jit(jax.vmap(evaluate))(values)
    members = [quick_jit(evaluate, static_argnums=0)(float(v)) for v in values]
    for found, *alone in zip(*map(jax.tree.leaves, (together, *members)), strict=True):
        np.testing.assert_allclose(found, jnp.stack(alone), rtol=1e-4, atol=1e-5)
    differ = [np.any(leaf[0] != leaf[1]) for leaf in jax.tree.leaves(together)]
    assert any(differ)
