"""Which tasks and inputs of a data set are wanted, by name."""

from collections.abc import Mapping, Sequence

from mtlx.data.events.task import EventTask
from mtlx.data.inputs import Input


def choose_tasks(
    owner: str, names: Sequence[str], known: Mapping[str, EventTask]
) -> tuple[EventTask, ...]:
    """The named tasks, in that order.

    Raises:
        ValueError: an unknown or repeated name, or none.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ValueError(
            f"{owner}: expected tasks to be one or more of {sorted(known)}, each once; "
            f"found {list(names)}. Mend data.tasks."
        )
    return tuple(known[name] for name in names)


def choose_inputs(
    owner: str,
    wanted: Mapping[str, Input | None],
    known: Mapping[str, Input | None],
) -> dict[str, Input | None]:
    """The inputs of a data set, some of them replaced or left out.

    Other columns of the log are refused: among them are the labels.

    Raises:
        ValueError: `wanted` names a column that is none of `known`.
    """
    others = sorted(set(wanted) - set(known))
    if others:
        raise ValueError(
            f"{owner}: expected inputs to be of the columns {sorted(known)}, found "
            f"{others}. Mend data.inputs."
        )
    return dict(known) | dict(wanted)
