"""Message passing on molecules: against loops in NumPy, and what it may not see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models.graph import MPNN, NNConv, Set2Set
from mtlx.models.graph.mpnn import pair_features
from mtlx.types import Field

NODES, ATOM = 5, 7
COUNTS = (5, 3, 1)  # atoms of each molecule
SHAPES = {"atoms": (NODES, ATOM), "positions": (NODES, 3), "bonds": (NODES, NODES)}
FIELDS = tuple(Field(name, "graph", shape) for name, shape in SHAPES.items())


def molecules(seed=0, nodes=NODES):
    """Rows with as many atoms as COUNTS says, padded."""
    rng = np.random.default_rng(seed)
    atoms = rng.integers(1, 5, (len(COUNTS), nodes, ATOM)).astype(np.uint8)
    positions = rng.normal(size=(len(COUNTS), nodes, 3)).astype(np.float32)
    bonds = rng.integers(0, 5, (len(COUNTS), nodes, nodes))
    bonds = (np.triu(bonds, 1) + np.triu(bonds, 1).transpose(0, 2, 1)).astype(np.uint8)
    for row, count in enumerate(COUNTS):
        atoms[row, count:], positions[row, count:] = 0, 0
        bonds[row, count:], bonds[row, :, count:] = 0, 0
    return {"atoms": atoms, "positions": positions, "bonds": bonds}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def params_of(variables):
    return jax.tree.map(lambda x: np.asarray(x, np.float64), variables["params"])


def test_nnconv_is_a_loop_over_the_edges(randomize):
    """With the matrix of every edge written out."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    hidden = rng.normal(size=(2, 4, 4, 6)).astype(np.float32)
    edges = rng.random((2, 4, 4)) < 0.6
    edges[0, 2] = False  # a node that hears nobody
    module = NNConv(5)
    arguments = [jnp.asarray(a) for a in (x, hidden, edges)]
    variables = randomize(jax.eval_shape(module.init, jax.random.key(0), *arguments))
    found = module.apply(variables, *arguments)
    p = params_of(variables)
    for b in range(2):
        for i in range(4):
            messages = []
            for j in range(4):
                if edges[b, i, j]:
                    matrix = np.array(p["edge_bias"])
                    for k in range(6):
                        matrix = matrix + hidden[b, i, j, k] * p["kernel"][k]
                    messages.append(x[b, j] @ matrix)
            expected = x[b, i] @ p["root"]["kernel"] + p["root"]["bias"]
            expected = expected + (np.mean(messages, axis=0) if messages else 0)
            np.testing.assert_allclose(found[b, i], expected, rtol=1e-4, atol=1e-5)


def test_nnconv_begins_as_in_pytorch_geometric():
    x, hidden = jnp.zeros((1, 2, 8)), jnp.zeros((1, 2, 2, 16))
    edges = jnp.ones((1, 2, 2), bool)
    params = NNConv(8).init(jax.random.key(0), x, hidden, edges)["params"]
    for name in ("kernel", "edge_bias"):
        values = np.asarray(params[name])
        assert 0.23 < np.abs(values).max() <= 0.25  # 16^(-1/2)
        assert values.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.15)


def lstm(p, c, h, x):
    """One step, gate by gate."""
    gate = {
        g: x @ p[f"i{g}"]["kernel"] + h @ p[f"h{g}"]["kernel"] + p[f"h{g}"]["bias"]
        for g in "ifgo"
    }
    c = sigmoid(gate["f"]) * c + sigmoid(gate["i"]) * np.tanh(gate["g"])
    return c, sigmoid(gate["o"]) * np.tanh(c)


def test_set2set_is_its_formula(randomize):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    mask = np.array([[True] * 4, [True, False, True, False]])
    module = Set2Set(steps=3)
    arguments = (jnp.asarray(x), jnp.asarray(mask))
    variables = randomize(jax.eval_shape(module.init, jax.random.key(0), *arguments))
    found = module.apply(variables, *arguments)
    p = params_of(variables)["lstm"]
    for row in range(2):
        members = x[row, mask[row]].astype(np.float64)
        c, h, read = np.zeros(3), np.zeros(3), np.zeros(6)
        for _ in range(3):
            c, h = lstm(p, c, h, read)
            weights = np.exp(members @ h)
            weights /= weights.sum()
            read = np.concatenate([h, weights @ members])
        np.testing.assert_allclose(found[row], read, rtol=1e-4, atol=1e-5)


def test_pairs_have_the_type_of_their_bond_and_a_distance():
    positions = jnp.array([[[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]]])
    bonds = jnp.array([[[0, 3], [3, 0]]], jnp.uint8)
    found = pair_features(positions, bonds)[0]
    np.testing.assert_array_equal(found[0, 1], [0, 0, 1, 0, 5])
    np.testing.assert_array_equal(found[1, 1], [0, 0, 0, 0, 0])


@pytest.fixture(scope="module")
def network():
    module = MPNN(width=6, hidden=4, fields=FIELDS)
    rows = jax.tree.map(jnp.asarray, molecules())
    return jax.jit(module.apply), module.init(jax.random.key(3), rows), rows


def test_the_order_of_the_atoms_does_not_matter(network):
    apply, variables, rows = network
    expected = apply(variables, rows)
    assert expected.shape == (3, 12)
    order = np.array([3, 0, 4, 2, 1])
    moved = {
        "atoms": rows["atoms"][:, order],
        "positions": rows["positions"][:, order],
        "bonds": rows["bonds"][:, order][:, :, order],
    }
    np.testing.assert_allclose(apply(variables, moved), expected, rtol=1e-4, atol=1e-6)
    # It does see which atom has which neighbours.
    torn = rows | {"atoms": rows["atoms"][:, order]}
    assert np.abs(apply(variables, torn)[0] - expected[0]).max() > 1e-3


def test_padding_does_not_matter(network):
    """Neither how much of it there is, nor what stands in the places of no atom."""
    apply, variables, rows = network
    expected = apply(variables, rows)
    wider = {
        "atoms": jnp.pad(rows["atoms"], [(0, 0), (0, 2), (0, 0)]),
        "positions": jnp.pad(rows["positions"], [(0, 0), (0, 2), (0, 0)]),
        "bonds": jnp.pad(rows["bonds"], [(0, 0), (0, 2), (0, 2)]),
    }
    np.testing.assert_allclose(apply(variables, wider), expected, rtol=1e-4, atol=1e-6)
    none = jnp.arange(NODES)[None] >= jnp.array(COUNTS)[:, None]
    odd = rows | {"positions": jnp.where(none[..., None], 9.0, rows["positions"])}
    np.testing.assert_allclose(apply(variables, odd), expected, rtol=1e-4, atol=1e-6)


def test_turning_a_molecule_does_not_matter_and_stretching_does(network):
    apply, variables, rows = network
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    turned = rows | {"positions": rows["positions"] @ jnp.asarray(turn, jnp.float32)}
    expected = apply(variables, rows)
    np.testing.assert_allclose(apply(variables, turned), expected, rtol=1e-3, atol=1e-5)
    wide = apply(variables, rows | {"positions": 2 * rows["positions"]})
    assert np.abs(wide - expected)[:2].max() > 1e-3
    np.testing.assert_allclose(wide[2], expected[2], rtol=1e-5)  # of one atom


def test_gradients_are_finite_for_an_atom_alone_and_for_none(network):
    _, variables, rows = network
    module = MPNN(width=6, hidden=4, fields=FIELDS)
    empty = jax.tree.map(jnp.zeros_like, rows)

    def loss(variables, rows):
        return jnp.sum(jnp.square(module.apply(variables, rows)))

    for each in (rows, empty):
        gradients = jax.grad(loss)(variables, each)
        assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))


@pytest.mark.parametrize(
    "options",
    [
        {"fields": FIELDS[:2]},
        {"fields": (*FIELDS[:2], Field("bonds", "bag", (5,), (3,)))},
        {"fields": FIELDS, "cardinalities": (3,)},
    ],
)
def test_other_inputs_are_refused(options):
    with pytest.raises(ValueError, match="MPNN: expected the fields atoms, positions"):
        MPNN(**options)
