"""What pictures a table has beside that of its cells, read from its file."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from mtlx.results.reproduction.fields import SpecError, check_known, take

KINDS = ("curves", "histogram")
SPLITS = ("train", "validation", "test")


class Panel(NamedTuple):
    """Lines over steps: one a row, or one a task where there are several.

    Args:
        title: its heading.
        metric: of the runs' `epochs.csv`.
        tasks: label -> task; "all" is the step as a whole.
        rows: label -> row of the table.
        split: that the metric is of.
        scale, square: as of a column.
        logarithmic: whether the values are.
    """

    title: str
    metric: str
    tasks: Mapping[str, str]
    rows: Mapping[str, str]
    split: str
    scale: float
    square: bool
    logarithmic: bool

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """(label, row, task) of each."""
        labels = self.rows if len(self.tasks) == 1 else self.tasks
        pairs = [(r, t) for r in self.rows.values() for t in self.tasks.values()]
        return [(label, *pair) for label, pair in zip(labels, pairs, strict=True)]


class Curves(NamedTuple):
    """Means over runs step by step, with published points where columns have them."""

    name: str
    title: str
    panels: tuple[Panel, ...]


class Histogram(NamedTuple):
    """How the runs of each row are spread over the values of a column.

    Args:
        name: of the file, after that of the table.
        title: what it shows.
        column: of the table.
        bins_per_unit: n; bin b holds b / n <= value < (b + 1) / n.
        across: panels in a line.
        rows: row -> bin -> published number of runs; none where nothing is printed.
    """

    name: str
    title: str
    column: str
    bins_per_unit: int
    across: int
    rows: Mapping[str, Mapping[int, int]]


Picture = Curves | Histogram


def parse_pictures(
    content: list[Any], columns: Collection[str], rows: Collection[str], where: str
) -> tuple[Picture, ...]:
    """All pictures of a table.

    Args:
        content: as YAML gives them.
        columns, rows: names of the table's.
        where: names the table in errors.

    Raises:
        SpecError: a kind, key, name or number that is not as it should be.
    """
    pictures = []
    for i, one in enumerate(content):
        place = f"{where}: pictures[{i}]"
        kind = one.get("kind") if isinstance(one, Mapping) else None
        check_known(kind, KINDS, "kind", place)
        if kind == "curves":
            pictures.append(_curves(one, rows, place))
        else:
            pictures.append(_histogram(one, columns, rows, place))
    names = [picture.name for picture in pictures]
    stray = [name for name in names if not re.fullmatch(r"[a-z0-9_]+", name)]
    if stray or len(set(names)) < len(names):
        raise SpecError(
            f"{where}: expected pictures of unlike names of small letters, digits and "
            f"_ (they name files), found {names}."
        )
    return tuple(pictures)


def _curves(content: Any, rows: Collection[str], where: str) -> Curves:
    picture = take(
        content,
        where,
        required={"name": str, "kind": str, "title": str, "panels": list},
    )
    if not picture["panels"]:
        raise SpecError(f"{where}.panels: expected one or more, found none.")
    panels = tuple(
        _panel(panel, rows, f"{where}.panels[{i}]")
        for i, panel in enumerate(picture["panels"])
    )
    return Curves(picture["name"], picture["title"], panels)


def _panel(content: Any, rows: Collection[str], where: str) -> Panel:
    panel = take(
        content,
        where,
        required={"title": str, "metric": str}
        | {"tasks": (list, Mapping), "rows": (list, Mapping)},
        optional={
            "split": (str, "validation"),
            "scale": ((int, float), 1.0),
            "square": (bool, False),
            "logarithmic": (bool, False),
        },
    )
    check_known(panel["split"], SPLITS, "split", f"{where}.split")
    for key in ("tasks", "rows"):
        if not isinstance(panel[key], Mapping):
            panel[key] = {name: name for name in panel[key]}
    for row in panel["rows"].values():
        check_known(row, rows, "row", f"{where}.rows")
    counts = [len(panel[key]) for key in ("rows", "tasks")]
    if min(counts) != 1:
        raise SpecError(
            f"{where}: expected one row or one task, and of the other one or more, "
            f"found {counts[0]} rows and {counts[1]} tasks. Make a panel a row."
        )
    return Panel(**panel)


def _histogram(
    content: Any, columns: Collection[str], rows: Collection[str], where: str
) -> Histogram:
    picture = take(
        content,
        where,
        required={"name": str, "kind": str, "title": str, "column": str}
        | {"bins_per_unit": int, "across": int, "rows": Mapping},
    )
    del picture["kind"]
    check_known(picture["column"], columns, "column", f"{where}.column")
    for key in ("bins_per_unit", "across"):
        if picture[key] < 1:
            raise SpecError(f"{where}.{key}: expected above 0, found {picture[key]}.")
    if not picture["rows"]:
        raise SpecError(f"{where}.rows: expected one or more, found none.")
    for row, counts in picture["rows"].items():
        check_known(row, rows, "row", f"{where}.rows")
        pairs = counts.items() if isinstance(counts, Mapping) else [(counts, None)]
        if not all(type(x) is int and x >= 0 for pair in pairs for x in pair):
            raise SpecError(
                f"{where}.rows[{row}]: expected bin: number of runs, whole numbers "
                f"from 0, found {counts!r}."
            )
    return Histogram(**picture)
