"""Where two architectures are one function, and what tells PLE from its neighbours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models

KEY = jax.random.key(0)
GROUPS = {"num_task_experts": 2, "num_shared_experts": 3, "expert_widths": (4, 3)}


def _assert_same(a, b):
    for task in a:
        np.testing.assert_allclose(a[task], b[task], rtol=1e-5, atol=1e-6)


def _random(model, features, randomize):
    return randomize(jax.eval_shape(model.init, KEY, features))


def test_ple_with_one_level_is_cgc(make, features, randomize):
    ple, cgc = make(models.PLE, num_levels=1, **GROUPS), make(models.CGC, **GROUPS)
    variables = _random(ple, features, randomize)
    _assert_same(ple.apply(variables, features), cgc.apply(variables, features))


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_ple_has_a_shared_gate_on_every_level_but_the_last(make, features, levels):
    model = make(models.PLE, num_levels=levels, **GROUPS)
    params = jax.eval_shape(model.init, KEY, features)["params"]
    found = [
        f"level_{j}" for j in range(levels) if "shared_gate" in params[f"level_{j}"]
    ]
    assert found == [f"level_{j}" for j in range(levels - 1)]
    for level in found:
        kernel = params[level]["shared_gate"]["output"]["kernel"]
        assert kernel.shape[1] == 3 * 2 + 3  # experts of all tasks, and the shared


def test_mmoe_with_one_expert_is_the_shared_bottom(make, features, randomize):
    mixture = make(models.MMoE, num_experts=1, expert_widths=(5, 4))
    bottom = make(models.SharedBottom, bottom_widths=(5, 4))
    variables = _random(bottom, features, randomize)
    layers = variables["params"]["bottom"]
    experts = {
        f"{leaf}_{index}": layers[f"dense_{index}"][leaf][None]
        for leaf in ("kernel", "bias")
        for index in range(2)
    }
    gates = {
        f"gate_{task}": {"output": {"kernel": jnp.ones((7, 1))}}
        for task in mixture.tasks
    }
    params = variables["params"] | {"experts": experts} | gates
    params.pop("bottom")
    expected = bottom.apply(variables, features)
    _assert_same(mixture.apply({"params": params}, features), expected)


def test_mmoe_whose_gates_are_equal_is_omoe(make, features, randomize):
    fields = {"num_experts": 3, "expert_widths": (4,)}
    omoe, mmoe = make(models.OMoE, **fields), make(models.MMoE, **fields)
    variables = _random(omoe, features, randomize)
    params = dict(variables["params"])
    gate = params.pop("gate")
    params |= {f"gate_{task}": gate for task in mmoe.tasks}
    expected = omoe.apply(variables, features)
    _assert_same(mmoe.apply({"params": params}, features), expected)


def test_single_task_is_a_shared_bottom_for_each_task(make, features, randomize):
    together = make(models.SingleTask, bottom_widths=(5,))
    params = _random(together, features, randomize)["params"]
    outputs = together.apply({"params": params}, features)
    for task, width in zip(together.tasks, together.outputs, strict=True):
        alone = make(
            models.SharedBottom, tasks=(task,), outputs=(width,), bottom_widths=(5,)
        )
        own = {
            "encoder": params[f"encoder_{task}"],
            "bottom": params[f"bottom_{task}"],
            f"tower_{task}": params[f"tower_{task}"],
        }
        found = alone.apply({"params": own}, features)
        _assert_same({task: outputs[task]}, found)


@pytest.mark.parametrize(
    ("cls", "gates"), [(models.OMoE, 1), (models.MMoE, 3), (models.PLE, 3 + 1 + 3)]
)
@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_gates_sum_to_one(make, features, randomize, cls, gates, dtype):
    model = make(cls, dtype=dtype)
    variables = _random(model, features, randomize)
    _, captured = model.apply(
        variables,
        features,
        capture_intermediates=lambda module, _: isinstance(module, models.Gate),
    )
    weights = jax.tree.leaves(captured["intermediates"])
    assert len(weights) == gates
    for weight in weights:
        assert weight.dtype == jnp.float32 and np.all(weight >= 0)
        np.testing.assert_allclose(weight.sum(axis=1), 1.0, rtol=1e-6)


def test_attention_masks_only_shrink_the_trunk(make, features, randomize):
    """A closed mask leaves the tower nothing but its biases, an open one the trunk."""
    model = make(models.MTAN, trunk_widths=(5, 4), attention_widths=(2,))
    bottom = make(models.SharedBottom, bottom_widths=(5, 4))
    params = dict(_random(model, features, randomize)["params"])

    def with_masks(bias):
        def saturate(path, leaf):
            names = [key.key for key in path]
            if not names[1].startswith("mask"):
                return leaf
            return jnp.full_like(leaf, bias if names[2] == "bias" else 0.0)

        attentions = {k: v for k, v in params.items() if k.startswith("attention")}
        saturated = jax.tree_util.tree_map_with_path(saturate, attentions)
        return model.apply({"params": params | saturated}, features)

    trunk = {f"dense_{i}": params[f"trunk_{i}"]["dense_0"] for i in range(2)}
    shared = {k: params[k] for k in params if k.startswith(("encoder", "tower"))}
    expected = bottom.apply({"params": shared | {"bottom": trunk}}, features)
    _assert_same(with_masks(40.0), expected)
    closed = with_masks(-120.0)
    for y in closed.values():
        np.testing.assert_allclose(y, jnp.broadcast_to(y[:1], y.shape), rtol=1e-6)
