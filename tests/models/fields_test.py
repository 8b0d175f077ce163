"""Fields beside the columns: what is concatenated, shared, padded and refused."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models import FeatureEncoder, find_tables, read_rows
from mtlx.models.encoders import Pool
from mtlx.types import Field
from tests.models.field_case import (
    CARDINALITIES,
    FIELDS,
    HISTORY,
    NAMES,
    POSTER,
    SIGNAL,
    TAGS,
    TITLE,
    make_rows,
)

KEY, WIDTH = jax.random.key(0), 2
ROWS = make_rows()


class Pixels(nn.Module):
    """The mean colour."""

    def __call__(self, images, *, train=False):
        return images.mean(axis=(1, 2))


class Asked(nn.Module):
    """The query itself, so that a test can look at it."""

    def __call__(self, vectors, mask, query, *, train=False):
        return query


def make(fields=FIELDS, **options):
    given = {"cardinalities": CARDINALITIES, "names": NAMES, "embedding_dim": WIDTH}
    return FeatureEncoder(**given | {"fields": fields, "image": Pixels} | options)


def encode(encoder, features=ROWS):
    x, variables = jax.jit(
        encoder.init_with_output,
        compiler_options={"xla_backend_optimization_level": 0},
    )(KEY, features)
    return np.asarray(x), variables.get("params", {})


def mean_of(rows):
    return np.mean(rows, axis=0) if len(rows) else np.zeros(WIDTH)


def test_every_kind_is_encoded_and_concatenated_in_order():
    x, params = encode(make())
    table = np.asarray(params["embedding"])
    item, shop = table[5:14], table[14:18]
    assert {name: params[name]["embedding"].shape for name in ("history", "tags")} == {
        "history": (
            3,
            WIDTH,
        ),  # its second column; the others are the item's, the shop's
        "tags": (6, WIDTH),
    }
    for row in range(4):
        ids = {name: np.asarray(value[row]) for name, value in ROWS.items()}
        user, i, s = ids["categorical"]
        steps = [step for step in ids["history"] if step[0] >= 0]
        own = params["history"]["embedding"]
        expected = [
            *(table[user], item[i], shop[s], ids["numerical"]),
            mean_of([item[a] for a, _, _ in steps]),
            mean_of([own[b] for _, b, _ in steps]),
            mean_of([shop[c] for _, _, c in steps]),
            mean_of([params["tags"]["embedding"][t] for t in ids["tags"] if t >= 0]),
            mean_of([params["title"]["embedding"][t] for t in ids["title"] if t >= 0]),
            ids["poster"].mean(axis=(0, 1)),
            ids["signal"],
        ]
        np.testing.assert_allclose(x[row], np.concatenate(expected), rtol=1e-6)


def test_the_query_is_the_candidate_where_columns_are_shared():
    x, params = encode(make((HISTORY,), sequence=Asked))
    columns = x[:, : 3 * WIDTH].reshape(4, 3, WIDTH)
    expected = np.concatenate(
        [columns[:, 1], np.zeros((4, WIDTH)), columns[:, 2]], axis=1
    )
    np.testing.assert_array_equal(x[:, -3 * WIDTH :], expected)


def test_without_fields_nothing_is_added():
    plain = FeatureEncoder(cardinalities=CARDINALITIES, embedding_dim=WIDTH)
    (one, params), (other, same) = encode(plain), encode(make(()))
    assert set(params) == set(same) == {"embedding"}
    np.testing.assert_array_equal(params["embedding"], same["embedding"])
    np.testing.assert_array_equal(one, other)


def test_a_table_is_read_at_the_rows_of_the_batch_and_padding_reads_none():
    encoder = make()
    variables = {"params": encode(encoder)[1]}
    read = read_rows(encoder, variables, ROWS)
    assert set(read) == set(find_tables(encoder, ROWS))
    assert set(read) == {
        ("embedding",),
        ("history", "embedding"),
        ("tags", "embedding"),
        ("title", "embedding"),
    }

    def rows(path, size):
        return {int(i) for i in read[path] if i < size}

    history, ids = np.asarray(ROWS["history"]), np.asarray(ROWS["categorical"])
    steps = history[history[..., 0] >= 0]
    columns = {*(ids + np.array([0, 5, 14])).ravel()}
    assert rows(("embedding",), 18) == {
        *columns,
        *(steps[:, 0] + 5),
        *(steps[:, 2] + 14),
    }
    assert rows(("history", "embedding"), 3) == set(steps[:, 1])


def test_padding_and_unread_rows_have_no_gradient_and_nothing_is_nan():
    encoder = make()
    x, params = encode(encoder)
    assert np.isfinite(x).all()

    def total(params):
        return jnp.sum(jnp.square(encoder.apply({"params": params}, ROWS)))

    gradient = jax.jit(jax.grad(total))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    tags = np.asarray(ROWS["tags"])
    moved = np.any(np.asarray(gradient["tags"]["embedding"]) != 0, axis=1)
    assert set(np.flatnonzero(moved)) == set(tags[tags >= 0])


@pytest.mark.parametrize(
    ("step", "bad"), [((0, 0, 0), 9), ((1, 1, 1), 3), ((0, 2, 2), -1)]
)
def test_an_id_outside_its_column_is_nan(step, bad):
    features = ROWS | {"history": ROWS["history"].at[step].set(bad)}
    x, _ = encode(make((HISTORY,)), features)
    at = 3 * WIDTH + 2 + step[2] * WIDTH
    broken = np.zeros_like(x, bool)
    broken[step[0], at : at + WIDTH] = True
    np.testing.assert_array_equal(np.isnan(x), broken)


def test_tokens_are_one_a_field_of_the_embeddings_width():
    x, params = encode(make(tokens=True))
    assert x.shape == (4, 3 + 2 + len(FIELDS), WIDTH)
    token = params["signal"]["token"]
    expected = np.asarray(ROWS["signal"] @ token["kernel"]) + token["bias"][None]
    np.testing.assert_allclose(x[:, -1], expected, rtol=1e-6)
    pooled, flat = encode(make((TAGS,)))
    x, params = encode(make((TAGS,), tokens=True))
    expected = pooled[:, -WIDTH:] @ params["tags"]["token"]["kernel"]
    np.testing.assert_array_equal(
        flat["tags"]["embedding"], params["tags"]["embedding"]
    )
    np.testing.assert_allclose(x[:, -1], expected, rtol=1e-5, atol=1e-7)


def test_fields_alone_are_enough():
    x, _ = encode(FeatureEncoder(fields=(SIGNAL,)), {"signal": ROWS["signal"]})
    np.testing.assert_array_equal(x, ROWS["signal"])


def test_rows_up_to_a_multiple_in_every_table():
    variables = jax.eval_shape(make(row_multiple=4).init, KEY, ROWS)
    params = variables["params"]
    tables = [params["embedding"], *(params[f.name]["embedding"] for f in FIELDS[:3])]
    assert [table.shape[0] for table in tables] == [20, 4, 8, 20]


def test_bags_are_summed_if_asked():
    mean, _ = encode(make((TAGS,)))
    total, _ = encode(make((TAGS,), bag=functools.partial(Pool, reduce="sum")))
    count = np.array([3, 0, 1, 2])[:, None]
    np.testing.assert_allclose(
        total[:, -WIDTH:], mean[:, -WIDTH:] * count, rtol=1e-5, atol=1e-7
    )
    with pytest.raises(ValueError, match="found 'max'"):
        Pool(reduce="max")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": (TAGS, TAGS)}, "names of their own"),
        ({"fields": (SIGNAL._replace(name="numerical"),)}, "are taken"),
        ({"fields": (SIGNAL._replace(kind="audio"),)}, "expected kind to be one of"),
        ({"fields": (POSTER,), "image": None}, "set encoder.image"),
        ({"fields": (Field("h", "sequence", (4, 2), (9,)),)}, "for each of C columns"),
        ({"fields": (Field("h", "bag", (4, 2, 2), (9, 2)),)}, r"expected shape \(L,\)"),
        ({"fields": (HISTORY,), "names": ("user", "shop", "item")}, "of 9 ids"),
        ({"fields": (HISTORY,), "names": ()}, "one vocabulary"),
    ],
)
def test_fields_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("features", [{}, {"title": jnp.zeros((4, 3), jnp.int32)}])
def test_features_that_do_not_fit_are_refused(features):
    rows = {name: x for name, x in ROWS.items() if name != "title"} | features
    with pytest.raises(
        ValueError, match=r"features\['title'\] of shape \[B, \*\(5,\)\]"
    ):
        make((TITLE,)).init(KEY, rows)
