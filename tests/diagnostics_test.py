import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import diagnostics

J = np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])
G = J @ J.T  # [[18, -22], [-22, 38]]


def diagnose(gram, weights, present=None):
    present = jnp.ones(len(weights), bool) if present is None else jnp.array(present)
    numbers = diagnostics.diagnose(
        jnp.asarray(gram, jnp.float32), jnp.asarray(weights, jnp.float32), present
    )
    assert set(numbers) == set(diagnostics.NAMES)
    return {name: float(value) for name, value in numbers.items()}


def test_two_tasks_by_hand():
    numbers = diagnose(G, [1.0, 1.0])
    cosine = -22 / np.sqrt(18 * 38)
    direction = J.sum(0)
    assert numbers["cosine"] == pytest.approx(cosine, rel=1e-5)
    assert numbers["conflict"] == 1.0
    assert numbers["magnitude_similarity"] == pytest.approx(
        2 * np.sqrt(18 * 38) / (18 + 38), rel=1e-5
    )
    assert numbers["condition"] == pytest.approx(
        (1 - cosine) / (1 + cosine), rel=1e-4
    )  # eigenvalues 1 +- c
    worst = min(g @ direction / np.linalg.norm(g) for g in J)
    assert numbers["worst_descent"] == pytest.approx(
        worst / np.linalg.norm(direction), rel=1e-5
    )
    assert numbers["length"] == pytest.approx(1.0)


def test_random_gradients_against_the_jacobian():
    rng = np.random.default_rng(0)
    jacobian, weights = rng.normal(size=(5, 8)), rng.uniform(0.1, 1.0, 5)
    numbers = diagnose(jacobian @ jacobian.T, weights)
    norms = np.linalg.norm(jacobian, axis=1)
    cosines = (jacobian / norms[:, None]) @ (jacobian / norms[:, None]).T
    upper = cosines[np.triu_indices(5, 1)]
    assert numbers["cosine"] == pytest.approx(upper.mean(), abs=1e-5)
    assert numbers["conflict"] == pytest.approx((upper < 0).mean())
    assert numbers["condition"] == pytest.approx(np.linalg.cond(cosines), rel=1e-3)
    direction = jacobian.T @ weights
    length = np.linalg.norm(direction)
    descent = jacobian @ direction / norms / length
    assert numbers["worst_descent"] == pytest.approx(descent.min(), abs=1e-5)
    assert numbers["length"] == pytest.approx(
        length / np.linalg.norm(jacobian.sum(0)), rel=1e-4
    )


def test_absent_tasks_and_zero_gradients_are_left_out():
    gram = np.zeros((4, 4))
    gram[np.ix_([0, 2], [0, 2])] = G
    gram[3, 3] = 5.0  # present False: stale
    small = diagnose(G, [0.6, 0.4])
    large = diagnose(gram, [0.6, 9.0, 0.4, 9.0], [True, True, True, False])
    for name in ("cosine", "conflict", "magnitude_similarity", "worst_descent"):
        assert large[name] == pytest.approx(small[name], rel=1e-5)


def test_one_task_has_no_pairs_and_nothing_is_no_number():
    alone = diagnose([[4.0]], [0.5])
    assert np.isnan(alone["cosine"])
    assert alone["worst_descent"] == pytest.approx(1.0)
    assert alone["length"] == pytest.approx(0.5)
    nothing = diagnose(np.zeros((3, 3)), np.zeros(3))
    assert all(np.isnan(value) for value in nothing.values())


def test_invariant_to_the_scale_of_all_gradients():
    one, other = diagnose(G, [1.0, 2.0]), diagnose(1e8 * G, [1.0, 2.0])
    for name in diagnostics.NAMES:
        assert one[name] == pytest.approx(other[name], rel=1e-4)


def test_inside_jit_and_vmap():
    grams = jnp.stack([jnp.asarray(G, jnp.float32), jnp.eye(2)])
    numbers = jax.jit(jax.vmap(diagnostics.diagnose))(
        grams, jnp.ones((2, 2)), jnp.ones((2, 2), bool)
    )
    np.testing.assert_allclose(numbers["conflict"], [1.0, 0.0])
