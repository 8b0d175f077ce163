"""Skip-gram: what is drawn, the loss in NumPy, and that near words come together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.pretrain import skip_gram
from mtlx.pretrain.pairs import draw_noise, draw_pairs, keep_rates, noise_steps
from mtlx.pretrain.skip_gram import _loss
from mtlx.types import Field

COUNTS = np.array([50, 900, 90, 10, 0], np.float32)
FIELD = Field("text", "text", (8,), sizes=(9,))


def test_frequent_words_are_kept_by_the_papers_rate():
    shares = COUNTS / COUNTS.sum()
    with np.errstate(divide="ignore"):
        expected = np.minimum(1.0, np.sqrt(0.05 / shares))
    expected[0] = 0.0
    np.testing.assert_allclose(keep_rates(jnp.array(COUNTS), 0.05), expected, rtol=1e-5)


def test_noise_is_drawn_by_the_three_quarter_power():
    steps = noise_steps(jnp.array(COUNTS), 0.75)
    weights = np.array([0, 900, 90, 10, 0]) ** 0.75
    drawn = draw_noise(jax.random.key(0), steps, (200, 100))
    found = np.bincount(np.asarray(drawn).reshape(-1), minlength=5) / 20_000
    np.testing.assert_allclose(found, weights / weights.sum(), atol=0.01)
    assert found[0] == found[4] == 0.0


def test_pairs_are_what_lies_within_the_drawn_window():
    window, rows = 3, 4000
    ids = jnp.tile(jnp.array([[1, 2, 3, 4, 5, 6, -1, -1]]), (rows, 1))
    words, contexts, counts = draw_pairs(
        jax.random.key(0), ids, jnp.ones(9).at[0].set(0.0), window
    )
    np.testing.assert_array_equal(words, ids)
    near = np.array([-3, -2, -1, 1, 2, 3])
    place = np.arange(8)[:, None] + near[None]
    expected = np.clip(place, 0, 7) + 1
    expected = np.where(expected > 6, -1, expected)
    np.testing.assert_array_equal(contexts[0], expected)
    # A word at distance d is seen where the reach, drawn from 1 .. w, is at least d.
    rate = (window + 1 - np.abs(near))[None] / window
    inside = (place >= 0) & (place < 6) & (np.arange(8) < 6)[:, None]
    np.testing.assert_allclose(counts.mean(axis=0), rate * inside, atol=0.03)


def test_words_left_out_make_the_window_reach_further():
    ids = jnp.array([[1, 0, 2, 0, 0, 3, -1, -1]])
    keep = jnp.ones(9).at[jnp.array([0, 2])].set(0.0)
    words, contexts, counts = draw_pairs(jax.random.key(1), ids, keep, 1)
    np.testing.assert_array_equal(words[0], [1, 3, *[-1] * 6])
    np.testing.assert_array_equal(contexts[0, 0][np.asarray(counts[0, 0])], [3])
    assert counts.sum() == 2


def test_the_loss_is_the_papers_over_the_pairs_that_count():
    rng = np.random.default_rng(0)
    v, u = rng.normal(size=(2, 9, 4))
    words = np.array([[3, 5, -1]])
    contexts = np.array([[[5, 2], [3, 1], [4, 4]]])
    counts = np.array([[[True, False], [True, True], [False, False]]])
    drawn = rng.integers(1, 9, size=(1, 3, 2, 3))
    drawn[0, 0, 0, 1] = 5  # the context itself, which is no negative

    def log_sigmoid(x):
        return -np.log1p(np.exp(-x))

    expected = []
    for row, word, context in ((0, 3, 5), (0, 5, 3), (0, 5, 1)):
        place = list(words[row]).index(word)
        slot = list(contexts[row, place]).index(context)
        total = log_sigmoid(u[context] @ v[word])
        for n in drawn[row, place, slot]:
            total += log_sigmoid(-u[n] @ v[word]) if n != context else 0.0
        expected.append(-total)
    vectors = {"word": jnp.array(v, jnp.float32), "context": jnp.array(u, jnp.float32)}
    found = _loss(vectors, *map(jnp.array, (words, contexts, counts, drawn)))
    np.testing.assert_allclose(found, np.mean(expected), rtol=1e-5)


@pytest.fixture(scope="module")
def trained():
    """Words 1 to 4 appear together, and 5 to 8 do."""
    rng = np.random.default_rng(0)
    first = rng.integers(1, 5, size=(150, 8))
    ids = np.concatenate([first, first + 4]).astype(np.int32)
    ids[:40, 5:] = -1
    options = {"dim": 8, "window": 2, "negatives": 3, "threshold": 1.0}
    options |= {"epochs": 12, "batch_rows": 20, "learning_rate": 0.05}
    return skip_gram(ids, FIELD, jax.random.key(0), **options)


def test_words_that_appear_together_have_vectors_alike(trained):
    table = trained.values["text/embedding"]
    assert table.shape == (9, 8)
    unit = table[1:] / np.linalg.norm(table[1:], axis=1, keepdims=True)
    cosines = (unit @ unit.T).reshape(2, 4, 2, 4).transpose(0, 2, 1, 3)
    assert cosines[0, 0].min() > 0.5 and cosines[1, 1].min() > 0.5
    assert cosines[0, 1].max() < 0.3
    assert trained.losses[-1] < 0.8 * trained.losses[0]


def test_the_unknown_keeps_its_initial_vector(trained):
    assert np.abs(trained.values["text/embedding"][0]).max() <= 0.5 / 8


def test_too_few_texts_are_refused():
    with pytest.raises(ValueError, match="at least batch_rows=32 texts.*and 3 texts"):
        skip_gram(np.ones((3, 8), np.int32), FIELD, jax.random.key(0))
