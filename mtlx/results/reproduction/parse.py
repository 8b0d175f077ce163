"""A table's specification from a mapping, with errors that say what to mend."""

import math
from collections.abc import Mapping
from typing import Any

from mtlx.results.reproduction.fields import SpecError, check_known, take
from mtlx.results.reproduction.parse_claims import parse_claim
from mtlx.results.reproduction.pictures import parse_pictures
from mtlx.results.reproduction.spec import (
    Column,
    Published,
    Reduced,
    Row,
    Rule,
    Spec,
    Tuning,
)

RULES = {"consistent": "resolution", "equivalent": "margin", "exact": "tolerance"}
NUMBER = (int, float)
TASK_METRIC = {"task": str, "metric": str}


def parse_spec(content: Any, paper: str, table: str) -> Spec:
    """The specification in `content`, as YAML gives it.

    Raises:
        SpecError: a key that is unknown, missing or of another type; a name that is not
            unique or that nothing bears; numbers that make no sense.
    """
    where = f"{paper}/{table}"
    content = take(
        content,
        where,
        required={
            "title": str,
            "source": str,
            "seeds": int,
            "columns": list,
            "rows": list,
            "rule": Mapping,
        },
        optional={
            "unavailable": (str, ""),
            "needs": (list, []),
            "overrides": (list, []),
            "tuning": (Mapping, None),
            "reduced_seeds": (int, None),
            "reduced": (Mapping, None),
            "claims": (list, []),
            "departures": (list, []),
            "tried": (list, []),
            "pictures": (list, []),
        },
    )
    if content["reduced_seeds"] is None:
        content["reduced_seeds"] = content["seeds"]
    columns = tuple(
        _column(c, f"{where}: columns[{i}]") for i, c in _numbered(content["columns"])
    )
    _unique([column.name for column in columns], "column", where)
    rows = tuple(
        _row(r, columns, f"{where}: rows[{i}]") for i, r in _numbered(content["rows"])
    )
    _unique([row.name for row in rows], "row", where)
    _check_changes(columns, [row.name for row in rows], where)
    _check_tasks(columns, rows, content["tuning"], where)
    if not 1 <= content["reduced_seeds"] <= content["seeds"]:
        raise SpecError(
            f"{where}: expected 1 <= reduced_seeds <= seeds, found "
            f"{content['reduced_seeds']} and {content['seeds']}."
        )
    names = [column.name for column in columns], [row.name for row in rows]
    return Spec(
        paper=paper,
        table=table,
        reduced=_reduced(content.pop("reduced"), f"{where}: reduced"),
        tuning=_tuning(content.pop("tuning"), f"{where}: tuning"),
        columns=columns,
        rows=rows,
        rule=_rule(content.pop("rule"), f"{where}: rule"),
        pictures=parse_pictures(content.pop("pictures"), *names, where),
        claims=tuple(
            parse_claim(c, columns, rows, f"{where}: claims[{i}]")
            for i, c in _numbered(content["claims"])
        ),
        **{
            key: tuple(content[key]) if isinstance(content[key], list) else content[key]
            for key in content
            if key not in ("columns", "rows", "claims")
        },
    )


def _column(content: Any, where: str) -> Column:
    if isinstance(content, Mapping) and "against" in content:
        return _change(content, where)
    column = take(
        content,
        where,
        required={"name": str, **TASK_METRIC, "digits": int},
        optional={
            "scale": (NUMBER, 1.0),
            "square": (bool, False),
            "best_by": (Mapping, None),
            "baseline": (str, None),
            "higher_is_better": (bool, None),
            "step": (int, None),
            "at_least": (NUMBER, None),
            "rule": (Mapping, None),
        },
    )
    if column["rule"] is not None:
        column["rule"] = _rule(column["rule"], f"{where}.rule")
    if column["best_by"] is not None:
        by = take(column["best_by"], f"{where}.best_by", required=TASK_METRIC)
        column["best_by"] = (by["task"], by["metric"])
    return Column(**column)


def _change(content: Any, where: str) -> Column:
    """A column that is read off others."""
    column = take(
        content,
        where,
        required={"name": str, "against": (str, list), "of": list, "digits": int}
        | {"higher_is_better": bool},
    )
    column["of"] = tuple(column["of"])
    against = column["against"]
    if isinstance(against, str):
        against = [against] * len(column["of"])
    if len(against) != len(column["of"]) or not against:
        raise SpecError(
            f"{where}: expected in `of` a column or more, and in `against` one row for "
            f"all or one for each, found {list(column['of'])} and {column['against']}."
        )
    column["against"] = tuple(against)
    return Column(task="", metric="", **column)


def _check_changes(columns: tuple[Column, ...], rows: list[str], where: str) -> None:
    metrics = {c.name: c.higher_is_better for c in columns if not c.against}
    for i, column in enumerate(columns):
        place = f"{where}: columns[{i}]"
        for name in column.against:
            check_known(name, rows, "row", f"{place}.against")
        for name in column.of:
            check_known(name, list(metrics), "column", f"{place}.of")
            if metrics[name] is None:
                raise SpecError(
                    f"{place}.of: expected columns with higher_is_better, found "
                    f"{name!r}, which says nothing of it."
                )


def _check_tasks(
    columns: tuple[Column, ...], rows: tuple[Row, ...], tuning: Any, where: str
) -> None:
    """Of columns with a change over all tasks, and of rows with a network a task."""
    names = [row.name for row in rows]
    for i, column in enumerate(columns):
        if column.baseline is None:
            continue
        whole = column.task == "*" and column.higher_is_better is not None
        if column.baseline not in names or not whole:
            raise SpecError(
                f'{where}: columns[{i}]: expected beside baseline task: "*" and '
                f"higher_is_better, and a row from {names}, found task "
                f"{column.task!r}, higher_is_better={column.higher_is_better} and "
                f"baseline {column.baseline!r}."
            )
    for row in rows:
        if row.each_task and (row.overrides is None or tuning is not None):
            raise SpecError(
                f"{where}: row {row.name!r}: expected beside each_task overrides and, "
                f"since its runs have one task each, no tuning of the table."
            )


def _row(content: Any, columns: tuple[Column, ...], where: str) -> Row:
    row = take(
        content,
        where,
        required={"name": str},
        optional={
            "overrides": (list, None),
            "call": (Mapping, None),
            "each_task": (list, []),
            "deterministic": (bool, False),
            "published": (Mapping, {}),
            "not_comparable": (str, ""),
            "columns": (list, None),
        },
    )
    row["each_task"] = tuple(row["each_task"])
    if row["overrides"] is not None:
        row["overrides"] = tuple(row["overrides"])
        if row["call"] is not None:
            raise SpecError(f"{where}: expected overrides or call, found both.")
    if row["call"] is not None and "_target_" not in row["call"]:
        raise SpecError(
            f"{where}.call: expected a _target_, found {list(row['call'])}."
        )
    known = [column.name for column in columns]
    for name in row["columns"] or ():
        check_known(name, known, "column", f"{where}.columns")
    if row["columns"] is not None:
        known, row["columns"] = row["columns"], tuple(row["columns"])
    for name in row["published"]:
        check_known(name, known, "column", f"{where}.published")
    row["published"] = {
        name: _published(value, f"{where}.published[{name}]")
        for name, value in row["published"].items()
    }
    return Row(**row)


def _published(content: Any, where: str) -> Published:
    """A number, or one with its spread."""
    content = content if isinstance(content, Mapping) else {"mean": content}
    value = take(
        content,
        where,
        required={"mean": NUMBER},
        optional={
            "std": (NUMBER, None),
            "ci95": (NUMBER, None),
            "n": (int, None),
            "source": (str, ""),
            "not_comparable": (str, ""),
        },
    )
    spreads = [key for key in ("std", "ci95") if value[key] is not None]
    if len(spreads) > 1 or any(value[key] < 0 for key in spreads):
        raise SpecError(f"{where}: expected one of std and ci95, at least 0.")
    if spreads and (value["n"] or 0) < 2:
        raise SpecError(
            f"{where}: expected n >= 2 beside {spreads[0]}, found {value['n']}. Say "
            "how many runs are behind it, or leave the spread out."
        )
    return Published(**value)


def _rule(content: Any, where: str) -> Rule:
    kind = content.get("kind")
    if kind not in RULES:
        raise SpecError(f"{where}.kind: expected one of {list(RULES)}, found {kind!r}.")
    number = RULES[kind]
    rule = take(content, where, required={"kind": str, number: NUMBER, "because": str})
    if not (math.isfinite(rule[number]) and rule[number] > 0):
        raise SpecError(f"{where}.{number}: expected above 0, found {rule[number]}.")
    return Rule(kind, float(rule[number]), rule["because"])


def _reduced(content: Any, where: str) -> Reduced | None:
    if content is None:
        return None
    reduced = take(
        content, where, required={"overrides": list, "what": str, "because": str}
    )
    if not reduced["overrides"]:
        raise SpecError(
            f"{where}.overrides: expected what is otherwise, found nothing. Leave "
            f"`reduced` out where only the number of seeds is."
        )
    return Reduced(tuple(reduced["overrides"]), reduced["what"], reduced["because"])


def _tuning(content: Any, where: str) -> Tuning | None:
    if content is None:
        return None
    tuning = take(
        content, where, required={"grid": Mapping, "seeds": list, **TASK_METRIC}
    )
    if not tuning["seeds"] or not all(tuning["grid"].values()):
        raise SpecError(
            f"{where}: expected seeds and values of each entry of the grid."
        )
    grid = {name: tuple(values) for name, values in tuning["grid"].items()}
    return Tuning(grid, tuple(tuning["seeds"]), tuning["task"], tuning["metric"])


def _unique(names: list[str], kind: str, where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise SpecError(
            f"{where}: expected {kind}s, each name once; found {twice} twice."
        )


def _numbered(items: list) -> list[tuple[int, Any]]:
    return list(enumerate(items))
