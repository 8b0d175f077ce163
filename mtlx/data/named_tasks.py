"""The tasks of a data set, by their names in a config."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

Member = TypeVar("Member")


def task_names(
    owner: str, names: str | Sequence[str], known: Collection[str]
) -> tuple[str, ...]:
    """The names of the wanted tasks, in their order; one may stand alone.

    Raises:
        ValueError: an unknown or repeated name, or none.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ValueError(
            f"{owner}: expected tasks to be one or more of {sorted(known)}, each once; "
            f"found {list(names)}. Mend data.tasks."
        )
    return names


def named_tasks(
    owner: str, names: str | Sequence[str], known: Mapping[str, Member]
) -> tuple[Member, ...]:
    """The tasks themselves.

    Raises:
        ValueError: as `task_names`.
    """
    return tuple(known[name] for name in task_names(owner, names, known))
