"""Weights and statistics of domains, and the columns that say which."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models
from mtlx.models.partitioned_norm import EPSILON, PartitionedNorm
from mtlx.types import Schema

KEY = jax.random.key(0)
DOMAINS = jnp.array([0, 2, 0, 2, 2, 0])
Z = jax.random.normal(KEY, (6, 4)) * 2.0 + 1.0


def norm_variables(randomize):
    norm = PartitionedNorm(num_domains=3)
    variables = dict(norm.init(KEY, Z, DOMAINS))
    variables["params"] = randomize(variables["params"])
    return norm, variables


def scaled(params, normed):
    params, d = jax.tree.map(np.asarray, params), np.asarray(DOMAINS)
    scale = params["shared_scale"] * params["scale"][d]
    return scale * normed + params["shared_bias"] + params["bias"][d]


def moments(domain):
    rows = np.asarray(Z, np.float64)[np.asarray(DOMAINS) == domain]
    return rows.mean(axis=0), rows.var(axis=0)


def test_training_normalises_by_the_rows_of_the_domain(randomize):
    norm, variables = norm_variables(randomize)
    found, _ = norm.apply(variables, Z, DOMAINS, train=True, mutable=["batch_stats"])
    normed = np.empty(Z.shape)
    for domain in (0, 2):
        rows = np.asarray(DOMAINS) == domain
        mean, variance = moments(domain)
        normed[rows] = (np.asarray(Z)[rows] - mean) / np.sqrt(variance + EPSILON)
    np.testing.assert_allclose(
        found, scaled(variables["params"], normed), rtol=1e-4, atol=1e-5
    )


def test_running_statistics_move_a_tenth_and_only_where_there_are_rows(randomize):
    norm, variables = norm_variables(randomize)
    _, updated = norm.apply(variables, Z, DOMAINS, train=True, mutable=["batch_stats"])
    stats = updated["batch_stats"]
    for domain in (0, 2):
        mean, variance = moments(domain)
        np.testing.assert_allclose(stats["mean"][domain], 0.1 * mean, rtol=1e-5)
        moved = 1.0 + 0.1 * (variance - 1.0)
        np.testing.assert_allclose(stats["var"][domain], moved, rtol=1e-5)
    np.testing.assert_array_equal(stats["mean"][1], np.zeros(4))
    np.testing.assert_array_equal(stats["var"][1], np.ones(4))


def test_evaluation_normalises_by_the_running_statistics(randomize):
    norm, variables = norm_variables(randomize)
    stats = {"mean": jnp.arange(12.0).reshape(3, 4), "var": jnp.full((3, 4), 4.0)}
    found = norm.apply(variables | {"batch_stats": stats}, Z, DOMAINS)
    d = np.asarray(DOMAINS)
    normed = (np.asarray(Z) - np.asarray(stats["mean"])[d]) / np.sqrt(4.0 + EPSILON)
    expected = scaled(variables["params"], normed)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_rows_of_a_star_domain_do_not_see_the_other_domains(
    make, features, randomize
):
    """In training, where a common batch normalisation would mix them."""
    linear = {"auxiliary_widths": (), "tower_widths": ()}  # which have the common one
    model = make(models.STAR, bottom_widths=(5,), **linear)
    rows = features | {"categorical": features["categorical"].at[:, 1].set(DOMAINS)}
    variables = randomize(jax.eval_shape(model.init, KEY, features))
    other = (DOMAINS == 2)[:, None]
    changed = rows | {"numerical": rows["numerical"] + 3.0 * other}

    def train(features):
        outputs, _ = model.apply(
            variables, features, train=True, mutable=["batch_stats"]
        )
        return np.asarray(outputs["stars"])

    before, after = train(rows), train(changed)
    same = np.asarray(DOMAINS) == 0
    np.testing.assert_allclose(after[same], before[same], rtol=1e-5, atol=1e-6)


def test_a_star_whose_domains_are_alike_is_the_shared_bottom(make, features, randomize):
    star = make(models.STAR, bottom_widths=(5, 4), norm="none")
    bottom = make(models.SharedBottom, bottom_widths=(5, 4))
    params = randomize(jax.eval_shape(star.init, KEY, features)["params"])
    plain = {}
    for index in range(2):
        layer = params["bottom"][f"dense_{index}"]
        layer["kernel"] = jnp.ones_like(layer["kernel"])
        layer["bias"] = jnp.zeros_like(layer["bias"])
        plain[f"dense_{index}"] = {
            "kernel": layer["shared_kernel"],
            "bias": layer["shared_bias"],
        }
    for task in star.tasks:
        params[f"auxiliary_{task}"] = jax.tree.map(
            jnp.zeros_like, params[f"auxiliary_{task}"]
        )
    shared = {k: v for k, v in params.items() if k.startswith(("encoder", "tower"))}
    expected = bottom.apply({"params": shared | {"bottom": plain}}, features)
    found = star.apply({"params": params}, features)
    for task, y in expected.items():
        np.testing.assert_allclose(found[task], y, rtol=1e-5, atol=1e-6)


def test_dbmtl_without_relations_is_the_shared_bottom(make, features, randomize):
    fields = {"bottom_widths": (5, 4)}
    dbmtl = make(models.DBMTL, parents=(), task_widths=(), **fields)
    bottom = make(models.SharedBottom, **fields)
    variables = randomize(jax.eval_shape(bottom.init, KEY, features))
    expected = bottom.apply(variables, features)
    found = dbmtl.apply(variables, features)
    for task, y in expected.items():
        np.testing.assert_allclose(found[task], y, rtol=1e-6)


@pytest.mark.parametrize("cls", [models.STAR, models.M3oE, models.PEPNet])
def test_a_column_is_named_numbered_or_declared(cls, make, features):
    def shapes(domain):
        return jax.eval_shape(make(cls, domain=domain).init, KEY, features)

    assert shapes("tab") == shapes(1) == shapes(None) != shapes("user")


@pytest.mark.parametrize(
    ("cls", "fields", "message"),
    [
        (models.STAR, {"domain": "country"}, r"found 'country'; .*\['user', 'tab'\]"),
        (models.M3oE, {"domain": 2}, "domain to name a categorical column, found 2"),
        (models.PEPNet, {"personal": ("user", "age")}, "found 'age'"),
        (models.STAR, {"schema": Schema((4, 3), 3)}, r"none declared; .*\[0, 1\]"),
        (models.PEPNet, {"personal": ()}, "personalise a row.*found none"),
        (models.STAR, {"bottom_widths": ()}, "use SharedBottom"),
    ],
)
def test_columns_that_are_not_there_are_refused(make, cls, fields, message):
    with pytest.raises(ValueError, match=message):
        make(cls, **fields)
