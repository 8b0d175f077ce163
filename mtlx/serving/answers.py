"""From the outputs of a model to what a user asks for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from mtlx.tasks import Task
from mtlx.types import Array, PyTree

# Kind of task -> what its outputs say; "regression" is in the units of its label.
ANSWERS: dict[str, Callable[[Array], Array]] = {
    "binary": jax.nn.sigmoid,
    "regression": lambda value: value,
    "multiclass": jax.nn.softmax,
}

Answer = Callable[[PyTree, Mapping[str, Array]], dict[str, Array]]


def make_answer(model: Any, tasks: Sequence[Task]) -> Answer:
    """A pure function (variables, features) -> {task: answer}.

    The answer is a probability [B] of a binary task, a value [B] of a regression task,
    probabilities [B, C] of the classes of a multiclass one. Prediction, export and
    serving all run this function, so their answers differ by rounding alone.

    Args:
        model: linen module of `mtlx.models`.
        tasks: of the data set.

    Raises:
        ValueError: a task of another kind.
    """
    others = [
        f"{task.name} ({task.kind})" for task in tasks if task.kind not in ANSWERS
    ]
    if others:
        raise ValueError(
            f"Expected tasks of the kinds {', '.join(ANSWERS)}, which have an answer a "
            f"row; found {', '.join(others)}. Score those with mtlx.train.evaluate."
        )

    def answer(variables, features):
        outputs = model.apply(variables, features, train=False)
        return {task.name: ANSWERS[task.kind](outputs[task.name]) for task in tasks}

    return answer
