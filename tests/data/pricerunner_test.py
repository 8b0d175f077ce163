"""Offers: what a title is asked, and that no product is on both sides of the split."""

import functools
from pathlib import Path

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data import DataError, TextTokenizer, pricerunner_products
from mtlx.data.builders.pricerunner_format import (
    CATEGORIES,
    OFFERS,
    parse_pricerunner,
)
from mtlx.data.builders.pricerunner_source import FILE
from mtlx.data.group_split import linked_groups, split_groups
from mtlx.data.with_catalogue import with_catalogue
from tests.data.tiny_source import as_text, publish

TOKENIZER = functools.partial(TextTokenizer.fit, length=3)


def offer(number, **fields):
    """Offers 2k and 2k + 1 are of product k; offer 6 has the title of offer 11."""
    product = number // 2
    title = f"thing{11 if number == 6 else number} of{product}"
    return {
        "product_id": str(number + 1),
        "product_title": title if number not in (6, 11) else "twin",
        "vendor_id": str(number % 7 + (900 if number == 5 else 0)),
        "cluster_id": str(product),
        "cluster_label": f"Thing {product}",
        "category_id": str(2600 + product % 10),
        "category_label": CATEGORIES[product % 10],
    } | fields


@pytest.fixture
def offers(tmp_path, monkeypatch):
    content = as_text(OFFERS, [offer(number) for number in range(60)])
    folder = publish(
        monkeypatch, tmp_path / "raw", "pricerunner_products", {FILE: content}
    )
    return functools.partial(
        pricerunner_products, tokenizer=TOKENIZER, data_dir=folder, cache_dir=tmp_path
    )


def numbers_of(split):
    """Which offers are in a split whose tokenizer numbers the titles."""
    return set(split.features["text"][:, 0].tolist())


def keyed():
    """A tokenizer whose first id says which title it is, 'thing9 of4' -> 9."""

    class Keyed(TextTokenizer):
        def ids(self, texts):
            names = [text.split()[0].removeprefix("thing") for text in texts]
            numbers = [11 if name == "twin" else int(name) for name in names]
            return np.array(numbers, np.int32)[:, None]

    return lambda texts: Keyed(TextTokenizer.fit(texts).definition, 1)


@pytest.mark.parametrize("seed", range(3))
def test_a_product_is_on_one_side_and_so_are_titles_alike(offers, seed):
    data = offers(tokenizer=keyed(), split_seed=seed)
    sides = [numbers_of(s) for s in (data.train, data.validation, data.test)]
    products = [{number // 2 for number in side} for side in sides]
    for k, side in enumerate(products):
        for other in products[k + 1 :]:
            assert not side & other
    # The twins are offers 6 and 11: of products 3 and 5, which go together.
    assert [3 in side for side in products] == [5 in side for side in products]
    assert [len(s.labels["category"]) for s in (data.train, data.test)] == [48, 6]


def test_labels_are_of_their_offers(offers):
    data = offers(tokenizer=keyed())
    known = sorted(
        {offer(number)["vendor_id"] for number in numbers_of(data.train)}, key=int
    )
    category, vendor = data.tasks
    assert (category.outputs, vendor.outputs) == (10, len(known))
    for split in (data.train, data.validation, data.test):
        numbers = split.features["text"][:, 0]
        rows = [offer(number) for number in numbers if number != 11]
        once = numbers != 11  # the title of two offers
        expected = [CATEGORIES.index(row["category_label"]) for row in rows]
        np.testing.assert_array_equal(split.labels["category"][once], expected)
        there = [row["vendor_id"] in known for row in rows]
        np.testing.assert_array_equal(split.where["vendor"][once], there)
        expected = [
            known.index(r["vendor_id"]) for r in rows if r["vendor_id"] in known
        ]
        found = split.labels["vendor"][once][there]
        np.testing.assert_array_equal(found, expected)


def test_products_are_known_again_where_offers_are_split(offers):
    data = offers(tasks="product", split="offer")
    (task,) = data.tasks
    labels, where = data.train.labels["product"], data.train.where["product"]
    assert where.all() and task.outputs == len(np.unique(labels)) == labels.max() + 1
    assert 0 < data.test.where["product"].sum()
    with pytest.raises(ValueError, match="'offer' for the task 'product' .*data.split"):
        offers(tasks=["category", "product"])


def test_the_product_that_is_shown_is_the_one_asked_for(offers):
    plain = offers(tasks="product", split="offer")
    data = offers(tasks=["category", "product"], split="offer", show_product=True)
    assert data.schema.names == ("product_id",)
    assert data.schema.foretold == ("category", "product")
    assert data.schema.cardinalities == (plain.tasks[0].num_classes + 1,)
    for name in ("train", "validation", "test"):
        split, other = getattr(data, name), getattr(plain, name)
        known, labels = other.where["product"], other.labels["product"]
        shown = split.features["categorical"][:, 0]
        np.testing.assert_array_equal(shown, np.where(known, labels + 1, 0))
        np.testing.assert_array_equal(split.where["product"], known)
        np.testing.assert_array_equal(split.labels["product"][known], shown[known])
    catalogue = with_catalogue(data, "product", ["product_id"]).catalogues["product"]
    assert catalogue.num_items == plain.tasks[0].num_classes + 1
    np.testing.assert_array_equal(np.flatnonzero(~catalogue.offered), [0])


def test_words_are_those_of_the_training_split(offers):
    data = offers()
    assert np.all(data.train.features["text"][:, 0] > 0)
    assert np.all(data.test.features["text"][:, :2] == 0)  # words of that product alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["price"]}, "expected tasks .*found .'price'.*data.tasks"),
        ({"tasks": []}, "expected tasks to be one or more"),
        ({"split": "shop"}, "expected split to be one of.*found 'shop'"),
        ({"show_product": True}, "expected the task 'product' where show_product"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        pricerunner_products(**options)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            offer(1, category_label="Shoes"),
            r"line 3, column 7 \(category_label\): expected one of .*found 'Shoes'",
        ),
        (
            offer(1, vendor_id="x"),
            r"line 3, column 3 \(vendor_id\): expected a whole number .*found 'x'",
        ),
        (offer(1, product_title="a,b"), "line 3: expected 7 fields, found 8"),
    ],
)
def test_a_damaged_offer_is_named(row, message):
    content = as_text(OFFERS, [offer(0), row])
    with pytest.raises(DataError, match=f"{FILE}, {message}"):
        list(parse_pricerunner(content, Path(FILE)))


def test_a_file_that_is_nowhere_is_not_downloaded(tmp_path):
    with pytest.raises(DataError, match="found none. It is not downloaded: fetch it"):
        pricerunner_products(data_dir=tmp_path)


def test_groups_stay_together_and_parts_have_their_shares():
    groups = np.random.default_rng(0).integers(0, 300, 2_000)
    parts = split_groups(groups, (0.7, 0.2), seed=3)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(2_000))
    assert sum(len(np.unique(groups[part])) for part in parts) == len(np.unique(groups))
    largest = np.bincount(groups).max()
    for part, share in zip(parts, (0.7, 0.2, 0.1), strict=True):
        assert abs(len(part) - share * 2_000) < largest
    again, other = (split_groups(groups, (0.7, 0.2), seed) for seed in (3, 4))
    np.testing.assert_array_equal(parts[0], again[0])
    assert set(parts[0]) != set(other[0])


def test_rows_are_linked_in_chains():
    first, second = np.array([0, 1, 2, 0, 3]), np.array(list("abbcd"))
    assert linked_groups(first, second).tolist() == [0, 1, 1, 0, 2]


@pytest.mark.full_data
def test_published_facts(full_data_dir):
    data = pricerunner_products(data_dir=full_data_dir)
    splits = (data.train, data.validation, data.test)
    rows = [len(split.labels["category"]) for split in splits]
    assert rows == [28_250, 3_530, 3_531]
    labels = np.concatenate([split.labels["category"] for split in splits])
    assert np.bincount(labels).tolist() == [
        3862, 2697, 3424, 2212, 5501, 3584, 2342, 4081, 3564, 4044
    ]  # fmt: skip
    texts = [{row.tobytes() for row in s.features["text"]} for s in splits]
    assert not texts[0] & (texts[1] | texts[2])  # in all 128 ids


def test_the_option_composes(offers):
    options = ["data=pricerunner_products", "model=shared_bottom", "trainer=smoke"]
    options += [f"data.data_dir={offers.keywords['data_dir']}"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    features = jax.tree.map(lambda x: x[:2], dict(parts.dataset.test.features))
    outputs, _ = jax.eval_shape(
        parts.model.init_with_output, jax.random.key(0), features
    )
    classes = parts.dataset.tasks[1].num_classes
    shapes = {task: y.shape for task, y in outputs.items()}
    assert shapes == {"category": (2, 10), "vendor": (2, classes)}
