"""From the outputs of a model to what a user asks for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from mtlx.data.signature import Signature
from mtlx.tasks import Task
from mtlx.types import Array, PyTree
from mtlx.ziln import ziln_mean

# Kind of task -> what its outputs say, by what follows the task's name; "regression" is
# in the units of its label, "ranking" orders the rows of one list.
ANSWERS: dict[str, dict[str, Callable[[Array], Array]]] = {
    "binary": {"": jax.nn.sigmoid},
    "regression": {"": lambda value: value},
    "vector": {"": lambda values: values},
    "multiclass": {"": jax.nn.softmax},
    "multilabel": {"": jax.nn.sigmoid},
    "ziln": {"": ziln_mean, "_nonzero": lambda x: jax.nn.sigmoid(x[:, 0])},
    "ranking": {"": lambda score: score},
    "retrieval": {"": lambda score: score},
}

Answer = Callable[[PyTree, Mapping[str, Array]], dict[str, Array]]


def make_answer(model: Any, signature: Signature) -> Answer:
    """A pure function (variables, features) -> {task: answer}.

    The answer is a probability [B] of a binary task, a value [B] of a regression task,
    values [B, K] of a vector one, probabilities [B, C] of the classes of a multiclass
    one or of the labels of a multilabel one, the expected amount [B] of a zero-inflated
    log-normal one ("ziln"), whose probability of not being 0 is "<task>_nonzero", the
    score [B] of a ranking one; of a retrieval task the score [B] of the row's own
    item. Prediction, export and serving all run this function, so their answers differ
    by rounding alone.

    Tasks that foretell the item (`Preprocessing.foretold`) have a pass of their own, in
    which it is hidden, as it was in training.

    Args:
        model: linen module of `mtlx.models`.
        signature: of the model.

    Raises:
        ValueError: a task of another kind, or two answers of one name.
    """
    names = answer_names(signature.tasks)
    foretold = signature.preprocessing.foretold
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"Expected tasks whose answers have names of their own, found {repeated} "
            f"twice. Rename a task."
        )

    def answer(variables, features):
        outputs = dict(model.apply(variables, features, train=False))
        if foretold:
            hidden = signature.preprocessing.hide(features)
            blind = model.apply(variables, hidden, train=False)
            outputs |= {name: blind[name] for name in foretold}
        answers = {}
        for task in signature.tasks:
            found = outputs[task.name]
            if task.kind == "retrieval":
                found = _own_item(found, features, signature)
            for suffix, say in ANSWERS[task.kind].items():
                answers[f"{task.name}{suffix}"] = say(found)
        return answers

    return answer


def answer_names(tasks: Sequence[Task]) -> list[str]:
    """The names of the answers of `make_answer`, in order.

    Raises:
        ValueError: a task of a kind that has no answer a row.
    """
    others = [
        f"{task.name} ({task.kind})" for task in tasks if task.kind not in ANSWERS
    ]
    if others:
        raise ValueError(
            f"Expected tasks of the kinds {', '.join(ANSWERS)}, which have an answer a "
            f"row; found {', '.join(others)}. Score those with mtlx.train.evaluate."
        )
    return [f"{task.name}{suffix}" for task in tasks for suffix in ANSWERS[task.kind]]


def _own_item(
    outputs: Array, features: Mapping[str, Array], signature: Signature
) -> Array:
    """[B] what the query of each row scores its item by."""
    if outputs.ndim == 3:  # a vector of each
        return jnp.sum(outputs[:, 0] * outputs[:, 1], axis=1)
    column = signature.schema.names.index(signature.schema.item[0])
    items = features["categorical"][:, column]
    return jnp.take_along_axis(outputs, items[:, None], axis=1)[:, 0]
