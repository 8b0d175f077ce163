"""What a model's outputs say to a user, by the formulas of the kinds."""

import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.data.events.features import EventFeatures
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.signature import Signature
from mtlx.serving.answers import answer_names, make_answer
from mtlx.tasks import Task
from mtlx.types import Schema
from tests.data.event_logs import HISTORY, INPUTS, ITEM, as_log, raw_events
from tests.data.events_serving_test import raw_rows

TASKS = (
    Task("tags", "multilabel", num_classes=2),
    Task("spend", "ziln"),
    Task("grade", "ranking", loss=lambda *x: None),
    Task("film", "retrieval"),
)


class Fixed:
    """Gives the outputs that it was told, whatever the features."""

    def __init__(self, **outputs):
        self.outputs = {name: jnp.asarray(x) for name, x in outputs.items()}

    def apply(self, variables, features, train):
        return self.outputs


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def signature_of(*tasks, item=()):
    schema = Schema(cardinalities=(5,), names=("film",), item=item)
    return Signature("made_up", tasks, schema, Preprocessing())


def test_each_kind_by_its_formula():
    rng = np.random.default_rng(0)
    tags, spend, grade, film = (
        rng.normal(size=shape).astype(np.float32)
        for shape in ((4, 2), (4, 3), (4,), (4, 2, 3))
    )
    model = Fixed(tags=tags, spend=spend, grade=grade, film=film)
    answers = make_answer(model, signature_of(*TASKS))({}, {})
    assert list(answers) == ["tags", "spend", "spend_nonzero", "grade", "film"]
    sigma = np.log1p(np.exp(spend[:, 2]))
    expected = {
        "tags": sigmoid(tags),
        "spend": sigmoid(spend[:, 0]) * np.exp(spend[:, 1] + sigma**2 / 2),
        "spend_nonzero": sigmoid(spend[:, 0]),
        "grade": grade,
        "film": (film[:, 0] * film[:, 1]).sum(axis=1),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(answers[name], value, rtol=1e-5, err_msg=name)


def test_of_scores_of_all_items_the_rows_own():
    logits = np.arange(12, dtype=np.float32).reshape(3, 4)
    signature = signature_of(TASKS[-1], item=("film",))
    features = {"categorical": jnp.array([[2], [0], [3]])}
    answers = make_answer(Fixed(film=logits), signature)({}, features)
    np.testing.assert_array_equal(answers["film"], [2, 4, 11])


@pytest.mark.parametrize(
    "tasks, message",
    [
        ([Task("depth", "depth")], r"found depth \(depth\)"),
        (
            [Task("spend", "ziln"), Task("spend_nonzero", "binary")],
            r"found \['spend_nonzero'\] twice",
        ),
    ],
)
def test_tasks_without_an_answer_of_their_own_are_refused(tasks, message):
    with pytest.raises(ValueError, match=message):
        make_answer(Fixed(), signature_of(*tasks))


def test_tasks_that_foretell_the_item_do_not_see_it():
    """A model that says what it reads."""
    raw = raw_events()
    log = as_log(raw)
    features = EventFeatures.fit(log, INPUTS, ITEM, HISTORY, 3, ("tags",))
    events = np.flatnonzero(log.test)
    tasks = (Task("bought", "regression"), Task("next", "regression"))
    preprocessing = features.preprocessing(("next",))

    class Sum:
        def apply(self, variables, rows, train):
            parts = [x.reshape(len(x), -1).sum(axis=1) for x in rows.values()]
            return {task.name: sum(parts) for task in tasks}

    signature = Signature("made_up", tasks, features.schema, preprocessing)
    encoded = preprocessing.encode(raw_rows(raw, log, events))
    answers = make_answer(Sum(), signature)({}, encoded)
    for name, shown in (("bought", True), ("next", False)):
        rows = features.rows(events, shown)
        expected = Sum().apply({}, rows, False)[name]
        np.testing.assert_allclose(answers[name], expected, rtol=1e-6)
    assert answer_names(tasks) == ["bought", "next"]
