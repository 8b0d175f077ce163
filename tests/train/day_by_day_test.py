"""Test, then train: against the training step called batch by batch."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, metrics, models, train
from mtlx.data.later_days import later_days
from mtlx.tasks import Task
from mtlx.train.day_by_day import make_day_by_day, shuffled
from mtlx.train.state import order_key
from tests.train.conftest import make_rows

BATCH = 32
DATES = np.repeat([20220502, 20220501, 20220503], [40, 56, 96])


@pytest.fixture(scope="module")
def log(dataset):
    """The small data set as a log: two days of validation, the last one in the test."""
    groups = np.arange(96) % 7
    return dataset._replace(
        validation=make_rows(1, 96)._replace(groups=groups),
        test=make_rows(2, 96)._replace(groups=groups),
        days={
            "train": np.full(256, 20220430),
            "validation": DATES[:96],
            "test": DATES[96:],
        },
    )


@pytest.fixture(scope="module")
def parts(log):
    model = train.build_model(
        functools.partial(models.SharedBottom, bottom_widths=(4,), tower_widths=()),
        functools.partial(models.FeatureEncoder, embedding_dim=2),
        log,
    )
    return model, log, balancers.equal(), optax.adam(1e-2)


@pytest.fixture(scope="module")
def daily(parts):
    model, log, *rest = parts
    sizes = {"batch_size": BATCH, "eval_batch_size": 64}
    return make_day_by_day(model, log, later_days(log), *rest, **sizes)


def rows_of(log, date):
    """The rows of a day, cut out of the splits themselves."""
    for split in ("validation", "test"):
        own = log.days[split] == date
        if own.any():
            return jax.tree.map(
                lambda column, own=own: column[own], log._asdict()[split]
            )
    raise AssertionError(date)


def test_days_are_in_order_and_filled_up_with_rows_that_do_not_count(log):
    days = later_days(log)
    assert [day.date for day in days] == [20220501, 20220502, 20220503]
    assert [day.count for day in days] == [56, 40, 96]
    assert len({str(jax.tree.map(np.shape, day.rows)) for day in days}) == 1
    for day in days:
        expected = rows_of(log, day.date)
        own = jax.tree.map(lambda column, day=day: column[: day.count], day.rows)
        jax.tree.map(np.testing.assert_array_equal, own, expected)
        for where in day.rows.where.values():
            assert not where[day.count :].any()


def test_each_day_is_scored_before_it_is_trained_on_and_then_trained_on(
    parts, log, daily
):
    model, _, balancer, optimizer = parts
    state = daily.plan.init(jax.random.key(3))
    start = jax.tree.map(np.array, state.variables)
    seen = [
        (scores, jax.tree.map(np.array, after.params))
        for scores, after in daily.run(state)
    ]
    step = jax.jit(train.make_step(model, log.tasks, optimizer, balancer, 256 // BATCH))
    expected = daily.plan.init(jax.random.key(3))
    for scores, params in seen:
        rows = jax.tree.map(jnp.asarray, rows_of(log, scores.date))
        for name, variables in (("frozen", start), ("tuned", expected.variables)):
            outputs = model.apply(variables, rows.features)
            wanted = metrics.evaluate(
                log.tasks, outputs, rows.labels, rows.where, rows.groups
            )
            found = getattr(scores, name)
            jax.tree.map(
                functools.partial(np.testing.assert_allclose, rtol=1e-4), found, wanted
            )
        total = max(day.count for day in later_days(log))
        key = order_key(expected.key, jnp.int32(scores.date))
        order = np.asarray(shuffled(key, total, scores.rows))
        for number in range(scores.rows // BATCH):
            index = order[number * BATCH : (number + 1) * BATCH]
            chosen = rows._replace(groups=None)
            chosen = jax.tree.map(lambda x, i=index: jnp.asarray(x[i]), chosen)
            expected, _ = step(expected, chosen)
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
            params,
            expected.params,
        )
    first, last = seen[0][0], seen[-1][0]
    assert first.frozen == first.tuned
    assert last.frozen != last.tuned
    assert int(expected.step) == 1 + 1 + 3


def test_the_future_changes_nothing_of_what_came_before(parts, log, daily):
    """Other labels on the last day: the days up to it have the same scores."""
    model, _, *rest = parts
    labels = {task: 1 - label for task, label in log.test.labels.items()}
    other = log._replace(test=log.test._replace(labels=labels))
    sizes = {"batch_size": BATCH, "eval_batch_size": 64}
    changed = make_day_by_day(model, other, later_days(other), *rest, **sizes)
    before, after = (
        [scores for scores, _ in each.run(each.plan.init(jax.random.key(0)))]
        for each in (daily, changed)
    )
    assert before[:2] == after[:2]
    assert before[2] != after[2]


def test_no_day_and_no_run_compiles_again(daily):
    list(daily.run(daily.plan.init(jax.random.key(0))))
    state = daily.plan.init(jax.random.key(1))
    with count_compilations() as compiled:
        list(daily.run(state))
    assert compiled == []


class count_compilations:
    """Names of the events of compilations in its block."""

    def __enter__(self):
        self.seen = []
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        return self.seen

    def _listen(self, event, *_, **__):
        if "compile" in event:
            self.seen.append(event)

    def __exit__(self, *_):
        self._listen = lambda *_, **__: None


def test_an_order_has_the_days_own_rows_first():
    order = np.asarray(shuffled(jax.random.key(0), 9, 6))
    assert sorted(order[:6]) == list(range(6)) and order[6:].tolist() == [6, 7, 8]
    assert order[:6].tolist() != list(range(6))


def test_data_that_are_no_log_are_refused(dataset, log):
    with pytest.raises(ValueError, match="small: expected a log .* for train, valid"):
        later_days(dataset)
    mixed = log._replace(days=log.days | {"train": np.full(256, 20220502)})
    with pytest.raises(ValueError, match="after the training days, found 20220501"):
        later_days(mixed)


def test_days_that_cannot_be_trained_on_are_refused(parts, log):
    model, _, *rest = parts
    with pytest.raises(ValueError, match="found 40 rows on 20220502 for batch_size=41"):
        make_day_by_day(model, log, later_days(log), *rest, batch_size=41)
    with pytest.raises(ValueError, match="at least one day"):
        make_day_by_day(model, log, (), *rest)
    ranked = log._replace(tasks=(Task("click", "ranking"),))
    with pytest.raises(ValueError, match="found click .kind ranking"):
        make_day_by_day(model, ranked, later_days(log), *rest, batch_size=8)
