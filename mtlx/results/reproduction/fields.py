"""The fields of a mapping, checked."""

from collections.abc import Collection, Mapping
from typing import Any


class SpecError(ValueError):
    """A specification is not as it should be; says where, and how to mend it."""


def take(
    content: Any,
    where: str,
    required: Mapping[str, Any],
    optional: Mapping[str, tuple[Any, Any]] | None = None,
) -> dict[str, Any]:
    """All fields of `content`: those required, and the others or their defaults.

    Args:
        content: a mapping.
        where: names it in errors.
        required: field -> type, or several.
        optional: field -> (type, default).

    Raises:
        SpecError: no mapping; a field is unknown, missing, or of another type.
    """
    optional = optional or {}
    if not isinstance(content, Mapping):
        raise SpecError(f"{where}: expected fields, found {content!r}.")
    known = [*required, *optional]
    unknown = [key for key in content if key not in known]
    missing = [key for key in required if key not in content]
    if unknown or missing:
        raise SpecError(
            f"{where}: expected the fields {list(required)} and no others than "
            f"{known}; found {unknown} beside them and no {missing}."
        )
    fields = {key: default for key, (_, default) in optional.items()} | dict(content)
    for key in content:
        kind = required[key] if key in required else optional[key][0]
        value = fields[key]
        # bool is an int to Python, not to a reader.
        stray = isinstance(value, bool) and kind is not bool
        if stray or not isinstance(value, kind):
            raise SpecError(f"{where}.{key}: expected {_words(kind)}, found {value!r}.")
    return {key: fields[key] for key in known}


def check_known(name: Any, known: Collection[str], kind: str, where: str) -> None:
    """Refuses a name that nothing bears.

    Raises:
        SpecError: such a name.
    """
    if name not in known:
        raise SpecError(
            f"{where}: expected a {kind} from {list(known)}, found {name!r}."
        )


def _words(kind: Any) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(one.__name__ for one in kinds)
