"""The best items of a catalogue for queries, as answers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtlx.data.past_items import PastItems
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.signature import Signature
from mtlx.retrieval import top_k, top_k_in
from mtlx.serving.answers import Answer
from mtlx.types import Array, Field, PyTree

SEEN = "seen"  # raw column, and feature, of the items that a list leaves out


def query_signature(signature: Signature, max_seen: int = 0) -> Signature:
    """What a model takes and gives where it is asked for lists of items.

    Rows are queries: of the raw columns the item's are gone. The tasks are those that
    retrieve.

    Args:
        signature: of the model.
        max_seen: if not 0, rows have a column "seen" of items, "17|4|9", at most so
            many, which their lists leave out.

    Raises:
        ValueError: no task that retrieves, a max_seen below 0, or items without a
            vocabulary to read that column by; a column that is called "seen" already.
    """
    tasks = tuple(task for task in signature.tasks if task.kind == "retrieval")
    if not tasks:
        kinds = ", ".join(f"{task.name} ({task.kind})" for task in signature.tasks)
        raise ValueError(
            f"Expected a task that retrieves items, for lists of them, found {kinds}. "
            f"Leave top out, or train on data with a catalogue "
            f"(mtlx.data.with_catalogue)."
        )
    before = signature.preprocessing
    asked = dataclasses.replace(before, shown=False, foretold=())
    if not max_seen:
        return signature._replace(tasks=tasks, preprocessing=asked)
    item = signature.schema.item[0]
    _check_seen(asked, item, max_seen)
    past = PastItems(SEEN, item, max_seen, refuse_longer=True)
    field = Field(SEEN, "sequence", (max_seen, 1), (before.vocabulary(item).size,))
    return signature._replace(
        tasks=tasks,
        schema=signature.schema._replace(fields=(*signature.schema.fields, field)),
        preprocessing=dataclasses.replace(asked, fields={**asked.fields, SEEN: past}),
    )


def make_lists(model: Any, signature: Signature, top: int) -> Answer:
    """A pure function (state, features) -> {task: items, "<task>_score": scores}.

    Both are [B, top], best first: numbers of the catalogue's items, int32, and what the
    model scores them by, float32. Where fewer items are left a list ends in -1, scored
    -inf. Lists are exact: of all that the catalogue offers, less what a row has seen.

    Args:
        model: linen module of `mtlx.models`.
        signature: of `query_signature`.
        top: length of the lists.

    Raises:
        ValueError: lists of no item.
    """
    if top < 1:
        raise ValueError(f"Expected lists of 1 item or more, found top={top}.")

    def answer(state, features):
        features = dict(features)
        seen = features.pop(SEEN, None)
        masks = {"seen": None if seen is None else seen[..., 0]}
        masks["offered"] = state["offered"]
        outputs = model.apply(state["model"], features, train=False)
        answers = {}
        for task in (task.name for task in signature.tasks):
            if task in state["vectors"]:
                query, items = outputs[task][:, 0], state["vectors"][task]
                best = top_k(query, items, top, query_block=None, **masks)
            else:
                best = top_k_in(outputs[task], top, **masks)
            answers |= {task: best.items, f"{task}_score": best.scores}
        return answers

    return answer


def list_state(
    variables: PyTree, vectors: Mapping[str, Array], offered: np.ndarray
) -> dict[str, Any]:
    """The first argument of `make_lists`' function.

    Args:
        variables: what `model.apply` takes.
        vectors: task -> vectors [I, D] of the items; none where the model scores all.
        offered: [I] bool, False of what is in no list.
    """
    return {"model": variables, "vectors": dict(vectors), "offered": offered}


def item_names(signature: Signature, count: int) -> np.ndarray:
    """[I] the raw names of the items; their numbers where they have none.

    Args:
        signature: of the model; the item's column gives the names.
        count: I.
    """
    vocabulary = signature.preprocessing.vocabulary(signature.schema.item[0])
    if vocabulary is None:
        return np.arange(count).astype(str)
    return np.array(["", *vocabulary.values])


def list_names(signature: Signature) -> list[str]:
    """The names of the answers of `make_lists`, in order."""
    tasks = [task.name for task in signature.tasks]
    return [name for task in tasks for name in (task, f"{task}_score")]


def without_gaps(names: Sequence[str], scores: Sequence[float]) -> tuple[list, list]:
    """A list and its scores without the places that no item is left for."""
    count = sum(bool(name) for name in names)
    return list(names[:count]), list(scores[:count])


def _check_seen(preprocessing: Preprocessing, item: str, max_seen: int) -> None:
    if preprocessing.vocabulary(item) is None:
        raise ValueError(
            f"max_seen expected items that have a vocabulary, found {item!r} without. "
            f"Leave max_seen out."
        )
    if max_seen < 0 or SEEN in preprocessing.kinds:
        raise ValueError(
            f"Expected max_seen >= 0, and no other column {SEEN!r}, found {max_seen} "
            f"and the columns {list(preprocessing.kinds)}. Rename the column, or leave "
            f"max_seen out."
        )
