"""Attributions add up, and are those of a formula where there is one."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.finished import load_finished
from mtlx import models
from mtlx.data.categorical import Categorical
from mtlx.data.inputs import Bag, Ids, Standardised
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.signature import Signature
from mtlx.data.tabular_features import TabularFeatures
from mtlx.models import FeatureEncoder
from mtlx.serving.attention import attention_weights
from mtlx.serving.attribution import integrated_gradients
from mtlx.tasks import Task
from mtlx.train.inspect import gate_weights

WIDTH = 2
TASKS = (Task("y", "regression"), Task("kind", "multiclass", num_classes=3))


class Linear(nn.Module):
    """Outputs that are linear in the vectors and numbers: A_c = w_c . x_c."""

    encoder: functools.partial

    @nn.compact
    def __call__(self, features, *, train=False):
        x = self.encoder(name="encoder")(features, train=train)
        return {
            "y": nn.Dense(1, name="y")(x)[:, 0],
            "kind": nn.Dense(3, name="kind")(x),
        }


@pytest.fixture(scope="module")
def made_up():
    """Signature, features and encoder of two columns, a shared one, a bag, a number."""
    draw = np.random.default_rng(0)

    def text(values, rows=12):
        return Categorical.of(draw.choice(values, rows))

    columns = {
        "user": text(["a", "b", "c"]),
        "shop": text(["x", "y"]),
        "friend": text(["a", "b"]),
        "tags": text(["p|q", "q|r|p", "r"]),
        "price": draw.normal(size=12),
    }
    inputs = {
        "user": Ids(),
        "shop": Ids(),
        "friend": Ids(shared="user"),
        "tags": Bag(),
        "price": Standardised(),
    }
    tabular = TabularFeatures.fit(columns, (), (), inputs=inputs)
    schema = tabular.schema
    encoder = functools.partial(
        FeatureEncoder,
        cardinalities=schema.cardinalities,
        names=schema.names,
        fields=schema.fields,
        embedding_dim=WIDTH,
    )
    signature = Signature("made_up", TASKS, schema, Preprocessing(tabular))
    features = jax.tree.map(jnp.asarray, tabular.encode(columns))
    return signature, features, encoder


def test_of_a_linear_model_they_are_its_terms(made_up):
    signature, features, encoder = made_up
    model = Linear(encoder)
    outputs, variables = jax.jit(model.init_with_output)(jax.random.key(0), features)
    found = integrated_gradients(model, variables, signature, features, steps=1)
    assert found.inputs == ("user", "shop", "price", "friend", "tags")
    x = encoder().apply({"params": variables["params"]["encoder"]}, features)
    chosen = np.asarray(outputs["kind"]).argmax(axis=1)
    kernels = {
        0: np.tile(variables["params"]["y"]["kernel"].T, (len(x), 1)),
        1: np.asarray(variables["params"]["kind"]["kernel"]).T[chosen],
    }
    ends = np.cumsum([WIDTH, WIDTH, 1, WIDTH, WIDTH])[:-1]
    for task, kernel in kernels.items():
        terms = np.split(np.asarray(x) * kernel, ends, axis=1)
        expected = np.stack([term.sum(axis=1) for term in terms], axis=1)
        np.testing.assert_allclose(found.values[task], expected, atol=1e-6)
    np.testing.assert_allclose(found.gap, 0.0, atol=1e-6)
    np.testing.assert_allclose(found.output[0], outputs["y"], atol=1e-6)


def test_they_add_up_in_a_trained_model(run):
    """The more steps, the better: F(x) - F(0), for each row and task."""
    finished = load_finished(run.folder)
    explained = functools.partial(
        integrated_gradients,
        finished.model,
        finished.variables,
        finished.signature,
        run.features,
    )
    fine = explained(128)
    size = np.abs(fine.output - fine.baseline).max()
    assert np.abs(fine.gap).max() < 0.01 * size
    logits = finished.model.apply(finished.variables, run.features)
    for number, task in enumerate(fine.tasks):
        np.testing.assert_allclose(fine.output[number], logits[task], atol=1e-5)
    assert set(fine.inputs) == {
        *finished.signature.schema.names,
        *finished.signature.preprocessing.tabular.inputs,
    }


def test_an_input_that_nothing_reads_gets_nothing(made_up):
    signature, features, encoder = made_up

    class Blind(nn.Module):
        @nn.compact
        def __call__(self, features, *, train=False):
            x = encoder(name="encoder")(features, train=train)
            y = nn.tanh(nn.Dense(4)(x[:, :WIDTH]))
            return {"y": nn.Dense(1)(y)[:, 0], "kind": nn.Dense(3)(y)}

    model = Blind()
    variables = jax.jit(model.init)(jax.random.key(0), features)
    found = integrated_gradients(model, variables, signature, features)
    assert np.abs(found.values[..., 0]).max() > 1e-4
    np.testing.assert_array_equal(found.values[..., 1:], 0.0)


def test_no_steps_are_refused(made_up):
    signature, features, encoder = made_up
    with pytest.raises(ValueError, match="expected|Expected steps >= 1"):
        integrated_gradients(Linear(encoder), {}, signature, features, steps=0)


def test_weights_of_gates_are_those_of_each_row(run):
    finished = load_finished(run.folder)
    found = gate_weights(finished.model, finished.variables, run.features)
    assert set(found) == {f"gate_{task}" for task in run.answers}
    params = finished.variables["params"]
    x = FeatureEncoder(finished.signature.schema.cardinalities).apply(
        {"params": params["encoder"]}, run.features
    )
    for name, weights in found.items():
        expected = jax.nn.softmax(x @ params[name]["output"]["kernel"])
        np.testing.assert_allclose(weights[:, 0], expected, atol=1e-6)
    assert attention_weights(finished.model, finished.variables, run.features) == {}


def test_weights_of_attention_are_those_of_each_row(made_up):
    signature, features, encoder = made_up
    model = models.FieldTransformer(
        tasks=("y", "kind"),
        outputs=(1, 3),
        encoder=encoder,
        schema=signature.schema,
        num_layers=1,
        token_dim=8,
        num_heads=2,
        tower_widths=(),
    )
    variables = jax.jit(model.init)(jax.random.key(0), features)
    (weights,) = attention_weights(model, variables, features).values()
    rows, heads, queries, keys = weights.shape
    # The only block is the last: the tasks' tokens alone ask.
    assert (rows, heads, queries) == (12, 2, 2) and keys > queries
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, atol=1e-5)
    assert np.abs(weights[0] - weights[1]).max() > 0
