"""Sequence encoders: their formulas, and that padding is nothing to them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models.encoders import DIN, GRU, LSTM, BiLSTM, Pool, SASRec
from tests.models import formulas_sequences as formulas

WIDTH, UNITS = 4, 3
LENGTHS = (4, 1, 0, 3)
LONGEST = max(LENGTHS)
TABLE = {
    "mean": (Pool(), formulas.mean),
    "gru": (GRU(width=UNITS), formulas.gru),
    "lstm": (LSTM(width=UNITS), formulas.lstm),
    "bilstm": (BiLSTM(width=UNITS), formulas.bilstm),
    "sasrec": (SASRec(num_heads=2), formulas.sasrec),
    "din": (DIN(widths=(5, 3)), formulas.din),
    "din_softmax": (DIN(widths=(5,), softmax=True), formulas.din_softmax),
}
DROPPING = {
    "gru": GRU(dropout_rate=0.5),
    "sasrec": SASRec(num_blocks=1, dropout_rate=0.5),
    "din": DIN(widths=(5,), dropout_rate=0.5),
}


def _inputs(length=LONGEST):
    rng = np.random.default_rng(0)
    vectors = np.zeros((len(LENGTHS), length, WIDTH), np.float32)
    vectors[:, :LONGEST] = rng.normal(size=(len(LENGTHS), max(LENGTHS), WIDTH))
    mask = np.arange(length) < np.array(LENGTHS)[:, None]
    query = rng.normal(size=(len(LENGTHS), WIDTH))
    vectors = np.where(mask[..., None], vectors, 0)
    return jnp.asarray(vectors), jnp.asarray(mask), jnp.asarray(query, jnp.float32)


# These programs are tiny: most of their time goes into compiling them.
quick_jit = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0}
)


def _params(module):
    """Random parameters, biases too."""
    rng = np.random.default_rng(1)
    variables = jax.eval_shape(module.init, jax.random.key(0), *_inputs())
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(scale=0.7, size=leaf.shape), leaf.dtype),
        variables.get("params", {}),
    )


@functools.cache
def _start(name):
    """The module with random parameters, and what it makes of them and the vectors."""
    module, _ = TABLE[name]
    params = _params(module)

    def run(params, vectors, mask, query):
        y = module.apply({"params": params}, vectors, mask, query)
        return jnp.sum(jnp.sin(3.0 * y)), y

    gradient = jax.value_and_grad(run, argnums=(0, 1, 3), has_aux=True)
    return params, quick_jit(gradient)


@pytest.fixture(params=TABLE)
def name(request):
    return request.param


def _assert_equal(one, other, **tolerances):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, **tolerances), one, other
    )


def test_the_formula_row_by_row(name):
    params, run = _start(name)
    vectors, mask, query = _inputs()
    (_, y), _ = run(params, vectors, mask, query)
    expected = np.zeros(y.shape)
    for row, length in enumerate(LENGTHS):
        if length:
            read = (np.asarray(vectors[row, :length]), np.asarray(query[row]))
            expected[row] = TABLE[name][1](jax.tree.map(np.asarray, params), *read)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_what_padding_holds_does_not_matter(name):
    params, run = _start(name)
    vectors, mask, query = _inputs()
    changed = jnp.where(mask[..., None], vectors, 7.0)
    one, other = run(params, vectors, mask, query), run(params, changed, mask, query)
    _assert_equal(one, other, rtol=1e-6, atol=1e-7)
    _, (_, by_vectors, _) = other
    assert not np.any(np.asarray(by_vectors)[~np.asarray(mask)])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(other))


def test_longer_padding_changes_nothing(name):
    """Of gradients the test before says so: they end where the padding begins."""
    params, run = _start(name)
    (_, y), _ = run(params, *_inputs())
    longer = dict(params)
    if "positions" in params:
        longer["positions"] = jnp.pad(params["positions"], ((0, 2), (0, 0)))
    module, _ = TABLE[name]
    apply = quick_jit(lambda params, *inputs: module.apply({"params": params}, *inputs))
    found = apply(longer, *_inputs(LONGEST + 2))
    np.testing.assert_allclose(found, y, rtol=1e-5, atol=1e-6)


def test_an_empty_row_is_zero_and_passes_no_gradient(name):
    params, run = _start(name)
    _, mask, query = _inputs()
    nothing = jnp.zeros_like(mask)
    vectors = jnp.ones((*mask.shape, WIDTH))
    (_, y), gradients = run(params, vectors, nothing, query)
    assert not np.any(y)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize("kind", DROPPING)
def test_units_are_dropped_while_training_alone(kind):
    module, inputs = DROPPING[kind], _inputs()
    variables = {"params": _params(module)}

    @quick_jit
    def run(key):
        return [
            module.apply(variables, *inputs, train=train, rngs={"dropout": key})
            for train in (True, False)
        ]

    (one, same), (other, as_before) = (run(jax.random.key(k)) for k in (1, 2))
    assert np.any(one != other)
    np.testing.assert_array_equal(same, as_before)


def test_computed_in_bfloat16_is_near():
    kind = functools.partial(GRU, width=UNITS)
    variables = {"params": _params(kind())}
    exact, rough = quick_jit(
        lambda: [
            kind(dtype=dtype).apply(variables, *_inputs())
            for dtype in (None, "bfloat16")
        ]
    )()
    np.testing.assert_allclose(rough, exact, rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GRU(width=0), "GRU: expected width >= 1, found 0"),
        (lambda: BiLSTM(dropout_rate=1.0), r"dropout_rate in \[0, 1\), found 1.0"),
        (lambda: SASRec(num_blocks=0), "num_blocks >= 1"),
        (lambda: SASRec(dropout_rate=-0.1), "SASRec: expected dropout_rate"),
        (lambda: DIN(dropout_rate=1.5), "DIN: expected dropout_rate"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_does_not_go_together_is_refused():
    vectors, mask, query = _inputs()
    with pytest.raises(ValueError, match="num_heads that divides.*found 3 and 4"):
        SASRec(num_heads=3).init(jax.random.key(0), vectors, mask)
    for wrong in (None, query[:, :2]):
        with pytest.raises(ValueError, match="width 4 of the vectors, found .*shared"):
            DIN().init(jax.random.key(0), vectors, mask, wrong)
