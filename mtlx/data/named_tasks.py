"""The tasks of a data set, by their names in a config."""

from collections.abc import Mapping, Sequence

from mtlx.tasks import Task


def named_tasks(
    owner: str, names: Sequence[str], known: Mapping[str, Task]
) -> tuple[Task, ...]:
    """The tasks of these names, in their order.

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
