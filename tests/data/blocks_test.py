"""Splits larger than memory: sources of blocks, their seeded order, their feed."""

import functools
import json

import jax
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from mtlx import balancers, data, models, train
from mtlx.data.chunked import chunked, iterate_chunks
from mtlx.data.dataset import Schema
from mtlx.data.feed import make_feed
from mtlx.data.shuffle import Shuffle
from mtlx.tasks import Task
from mtlx.train.optimizers import bind, lazy_adam

ROWS, BATCH = 103, 8
LAYOUT = data.Layout(
    labels={"click": "clicked", "spend": "paid"},
    categorical=("user", "item"),
    numerical=("price",),
)
TASKS = (Task("click", "binary"), Task("spend", "regression"))


@pytest.fixture(scope="module")
def table():
    """`user` numbers the rows; a third of the payments is unknown."""
    rng = np.random.default_rng(0)
    user = np.arange(ROWS)
    price = rng.normal(size=ROWS)
    return pyarrow.table(
        {
            "user": user,
            "unused": ["x"] * ROWS,
            "item": rng.integers(0, 5, ROWS).astype(np.int16),
            "price": price,
            "clicked": (price > 0).astype(np.int8),
            "paid": pyarrow.array(price * 2, mask=user % 3 == 0),
        }
    )


@pytest.fixture(scope="module", params=["parquet", "array_record"])
def source(request, table, tmp_path_factory):
    """Two files of 60 and 43 rows, in blocks of at most 10."""
    folder = tmp_path_factory.mktemp(request.param)
    paths = [folder / "0", folder / "1"]
    for path, part in zip(paths, (table[:60], table[60:]), strict=True):
        if request.param == "parquet":
            pyarrow.parquet.write_table(part, path, row_group_size=10)
        else:
            data.write_array_record(path, part, rows_per_record=10)
    kinds = {
        "parquet": data.ParquetBlocks,
        "array_record": data.ArrayRecordBlocks,
    }
    return kinds[request.param](paths, LAYOUT)


class Counted:
    """A source that counts its reads."""

    def __init__(self, source):
        self.source, self.sizes, self.reads = source, source.sizes, []

    def read(self, block):
        self.reads.append(block)
        return self.source.read(block)


def _users(batch):
    return np.asarray(batch.features["categorical"])[..., 0]


def test_blocks_hold_the_rows_of_the_files(source, table):
    assert list(source.sizes) == [10] * 10 + [3]
    parts = [source.read(block) for block in range(11)]
    rows = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    columns = table.to_pydict()
    ids = np.stack([columns["user"], columns["item"]], axis=1)
    np.testing.assert_array_equal(rows.features["categorical"], ids)
    assert rows.features["categorical"].dtype == np.int32
    np.testing.assert_allclose(rows.features["numerical"][:, 0], columns["price"])
    np.testing.assert_array_equal(rows.labels["click"], columns["clicked"])
    known = np.arange(ROWS) % 3 != 0
    np.testing.assert_array_equal(rows.where["spend"], known)
    assert rows.where["click"].all()
    paid = np.array([x for x in columns["paid"] if x is not None])
    np.testing.assert_allclose(rows.labels["spend"][known], paid, rtol=1e-6)
    assert isinstance(source, data.BlockSource)


def test_a_pass_is_a_permutation_and_rows_stay_together(source, table):
    shuffle = Shuffle(data.Blocks(source, window=3), BATCH, seed=(1,))
    batches = [shuffle.batch(number) for number in range(2 * (ROWS // BATCH))]
    passes = np.reshape([_users(batch) for batch in batches], (2, -1))
    for users in passes:
        assert len(set(users.tolist())) == ROWS // BATCH * BATCH
    assert (passes[0] != passes[1]).mean() > 0.9
    price = np.asarray(table["price"].to_pylist(), np.float32)
    for batch in batches:
        np.testing.assert_array_equal(
            batch.features["numerical"][:, 0], price[_users(batch)]
        )


def test_a_window_mixes_its_blocks_alone(source):
    """The first 30 rows of a pass are those of three blocks, in no block's order."""
    counted = Counted(source)
    shuffle = Shuffle(data.Blocks(counted, window=3), batch_size=10, seed=(2,))
    first = np.concatenate([_users(shuffle.batch(number)) for number in range(3)])
    blocks = set((first // 10).tolist())
    assert blocks == set(counted.reads[:3])
    assert len(set((first[:10] // 10).tolist())) == 3


def test_a_pass_reads_every_block_once(source):
    counted = Counted(source)
    shuffle = Shuffle(data.Blocks(counted, window=2), BATCH, seed=(0,))
    for number in range(ROWS // BATCH):
        shuffle.batch(number)
    assert sorted(counted.reads) == list(range(11))


def test_a_batch_is_a_function_of_the_seed_and_its_number(source):
    blocks = data.Blocks(source, window=2)
    whole = Shuffle(blocks, BATCH, seed=(5, 6))
    numbers = [30, 2, 17, 2]
    for number in numbers:
        again = Shuffle(blocks, BATCH, seed=(5, 6)).batch(number)
        jax.tree.map(np.testing.assert_array_equal, whole.batch(number), again)
    other = Shuffle(blocks, BATCH, seed=(5, 7)).batch(2)
    assert (_users(other) != _users(whole.batch(2))).any()


def test_a_resumed_position_repeats_the_uninterrupted_batches(source):
    shuffle = Shuffle(data.Blocks(source, window=2), BATCH, seed=(3,))
    start = functools.partial(iterate_chunks, shuffle, chunk_steps=3, first=4, chunks=6)
    iterator = start()
    head = [next(iterator) for _ in range(2)]
    position = json.loads(json.dumps(iterator.get_state()))
    tail = list(iterator)
    assert [len(head), len(tail)] == [2, 4]
    resumed = start()
    resumed.set_state(position)
    for one, other in zip(tail, resumed, strict=True):
        jax.tree.map(np.testing.assert_array_equal, one, other)
    for number, batch in enumerate(_users(chunk) for chunk in head + tail):
        for step in range(3):
            expected = shuffle.batch(4 + 3 * number + step)
            np.testing.assert_array_equal(batch[step], _users(expected))


def test_the_feed_gives_epochs_that_follow_each_other(source):
    feed = chunked(data.Blocks(source, window=2, steps_per_epoch=6), BATCH)
    assert feed.steps_per_epoch == 6
    key = jax.random.key(11)
    epochs = [
        np.concatenate([_users(chunk) for chunk in feed.chunks(key, epoch, 3, 2)])
        for epoch in (1, 2, 3)
    ]
    users = np.concatenate(epochs)[: ROWS // BATCH]  # 12 of 18 batches are a pass
    assert users.shape == (12, BATCH)
    assert len(set(users.ravel().tolist())) == 12 * BATCH
    example = feed.fetch(feed.arrays, jax.tree.map(lambda x: x[0], feed.order(key)))
    assert _users(example).shape == (BATCH,)
    assert make_feed(data.Blocks(source), BATCH).steps_per_epoch == ROWS // BATCH


@pytest.fixture(scope="module")
def dataset(source):
    parts = [source.read(block) for block in range(10)]
    rows = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    blocks = data.Blocks(source, window=4, steps_per_epoch=8)
    return data.Dataset("logs", TASKS, Schema((ROWS, 5), 1), blocks, rows, rows)


def _fit(dataset, **options):
    model = train.build_model(
        functools.partial(models.SharedBottom, bottom_widths=(4,), tower_widths=(3,)),
        functools.partial(models.FeatureEncoder, embedding_dim=2),
        dataset,
    )
    return model, train.fit(
        model,
        dataset,
        balancers.equal(),
        lazy_adam(0.03),
        batch_size=BATCH,
        max_chunk_steps=4,
        **options,
    )


def test_fit_trains_on_it_as_a_loop_over_the_same_batches(dataset):
    model, result = _fit(dataset, epochs=2)
    assert int(result.state.step) == 16
    optimizer = bind(lazy_adam(0.03), 2, model.owner, (("encoder", "embedding"),))
    balancer = balancers.equal()
    seed = np.asarray(jax.random.key_data(result.state.key)).tolist()
    shuffle = Shuffle(dataset.train, BATCH, seed)
    batches = [jax.tree.map(jax.numpy.asarray, shuffle.batch(n)) for n in range(16)]
    init = functools.partial(train.init_state, model, optimizer, balancer)
    state = jax.jit(init)(batches[0], jax.random.key(0))
    step = jax.jit(train.make_step(model, TASKS, optimizer, balancer, 8))
    for batch in batches:
        state, _ = step(state, batch)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        result.state.params,
        state.params,
    )


def test_a_resumed_run_repeats_the_uninterrupted_one(dataset, tmp_path):
    _, whole = _fit(dataset, epochs=2)
    checkpoint = tmp_path / "checkpoint"
    _fit(dataset, epochs=1, checkpointer=train.Checkpointer(checkpoint))
    checkpointer = train.Checkpointer(checkpoint)
    _, resumed = _fit(dataset, epochs=2, checkpointer=checkpointer, resume=True)
    states = whole.state.params, resumed.state.params
    jax.tree.map(np.testing.assert_array_equal, *states)
    assert resumed.test == whole.test


def _write(folder, table):
    path = folder / "logs.parquet"
    pyarrow.parquet.write_table(table, path)
    return path


def test_what_cannot_be_read_is_refused(table, tmp_path):
    path = _write(tmp_path, table.drop_columns(["item"]))
    with pytest.raises(data.DataError, match="columns item, found user, unused"):
        data.ParquetBlocks(path, LAYOUT)
    holes = pyarrow.array([None] + [0] * (ROWS - 1), pyarrow.int32())
    path = _write(tmp_path, table.set_column(2, "item", holes))
    with pytest.raises(data.DataError, match="column 'item', found 1 rows without"):
        data.ParquetBlocks(path, LAYOUT).read(0)
    with pytest.raises(data.DataError, match="absent.parquet"):
        data.ParquetBlocks(tmp_path / "absent.parquet", LAYOUT)
    with pytest.raises(data.DataError, match="found none"):
        data.ArrayRecordBlocks([], LAYOUT)


def test_records_of_uneven_size_are_refused(table, tmp_path):
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(str(tmp_path / "uneven"), "group_size:1")
    for rows in (table[:10], table[10:15], table[15:25]):
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        writer.write(sink.getvalue().to_pybytes())
    writer.close()
    blocks = data.ArrayRecordBlocks(tmp_path / "uneven", LAYOUT)
    with pytest.raises(data.DataError, match="expected 10 rows in record 1.*found 5"):
        blocks.read(1)


def test_a_split_below_one_batch_is_refused(source):
    with pytest.raises(ValueError, match="found 103 training rows for batch_size=104"):
        chunked(data.Blocks(source), 104)
    with pytest.raises(ValueError, match="window >= 1"):
        chunked(data.Blocks(source, window=0), 8)
    with pytest.raises(ValueError, match="steps_per_epoch >= 1"):
        chunked(data.Blocks(source, steps_per_epoch=0), 8)
