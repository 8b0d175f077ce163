"""What a published table is: its cells, how to run them, and how they are judged."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mtlx.results.reproduction.pictures import Picture


class Published(NamedTuple):
    """A printed value and what is known of its spread.

    Args:
        mean: as printed.
        std: standard deviation of single runs; None: not given.
        ci95: half-width of the 95 % interval of the mean; None: not given.
        n: runs behind the mean; `std` and `ci95` count only together with it.
        source: where it is from, if not where the table is from.
        not_comparable: why no run of ours can be held against it; "" if it can.
    """

    mean: float
    std: float | None = None
    ci95: float | None = None
    n: int | None = None
    source: str = ""
    not_comparable: str = ""


class Column(NamedTuple):
    """A figure of every row.

    Args:
        name: its heading.
        task, metric: where a run's `test` has it; the task "*" is the mean over all.
        digits: decimals printed; half a unit of the last is the rounding.
        scale: what the run's value is multiplied with (100: printed in per cent).
        square: whether the run's value is squared first (a printed MSE of our RMSE).
        best_by: (task, metric) by which one run stands for all; None: their mean.
        baseline: a row; the column then is the mean change of `metric` over all tasks
            against that row's means, in per cent (see `change_of_tasks`).
        higher_is_better: None where neither is (a coordinate).
        against: a row for each of `of`, or none; the column then is no metric but the
            mean change over the columns `of` against those rows' means, in per cent
            (see `relative_change`).
        of: names of those columns.
        step: read off the validation split after this step; None: off the test split
            at the end.
        at_least: the column is the share of runs whose value is no less; None: a mean.
        rule: by which its cells are judged; None: that of the table.
    """

    name: str
    task: str
    metric: str
    digits: int
    scale: float = 1.0
    square: bool = False
    best_by: tuple[str, str] | None = None
    baseline: str | None = None
    higher_is_better: bool | None = None
    against: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    step: int | None = None
    at_least: float | None = None
    rule: "Rule | None" = None


class Row(NamedTuple):
    """A method.

    Args:
        name: as printed.
        overrides: of `experiments.train`; None: not trained.
        call: a `_target_` and its arguments, called with `seed`, in place of training;
            returns {task: {metric: value}}; None: trained.
        deterministic: one run is all there is; it has no interval.
        each_task: tasks that are trained one by one, `data.tasks=..` each; () for all
            at once.
        published: column -> printed value; a column without one is ours alone.
        not_comparable: why the whole row is not.
        columns: those that it has; None: all.
    """

    name: str
    overrides: tuple[str, ...] | None
    call: Mapping[str, Any] | None
    deterministic: bool
    published: Mapping[str, Published]
    not_comparable: str
    each_task: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None

    def has(self, column: Column) -> bool:
        """Whether the row has a cell there."""
        return self.columns is None or column.name in self.columns


class Rule(NamedTuple):
    """How a cell is judged, fixed in the file before anything runs; see `verdict`.

    Args:
        kind: "consistent", "equivalent" or "exact".
        width: its one number: the resolution, margin or tolerance.
        because: why this number.
    """

    kind: str
    width: float
    because: str


class Claim(NamedTuple):
    """An order that the paper states: `lower` is below `higher` in a column."""

    text: str
    column: str
    lower: str
    higher: str


class PairedClaim(NamedTuple):
    """No row is better than `reference`, or apart from it, paired by seed.

    Args:
        text: in words.
        column: one that says which way is better, with a value a run.
        reference: a row.
        apart: whether a row that is worse speaks against it too.
        among: the other rows that it is said of.
    """

    text: str
    column: str
    reference: str
    apart: bool
    among: tuple[str, ...]


class Reduced(NamedTuple):
    """What is otherwise where time is short, beside the number of seeds.

    Args:
        overrides: of every trained row, after its own.
        what: in words, of how much: "8 of 100 epochs".
        because: why no printed value can be held against it.
    """

    overrides: tuple[str, ...]
    what: str
    because: str


class Tuning(NamedTuple):
    """One grid and one budget for every trained row, chosen on validation.

    Args:
        grid: override -> its values; all combinations are tried.
        seeds: apart from those of the table.
        task, metric: whose mean over seeds on the validation split decides.
    """

    grid: Mapping[str, tuple[Any, ...]]
    seeds: tuple[int, ...]
    task: str
    metric: str


class Spec(NamedTuple):
    """A table.

    Args:
        paper, table: its folder and file below conf/reproduce.
        title: what it shows.
        source: paper, venue, year, table number.
        unavailable: why its data cannot be had freely, and where they are; "".
        needs: what must lie in the data folder before anything of it can be run.
        overrides: of every trained row.
        tuning: None: every row runs as it stands.
        seeds: runs of a row in the published protocol.
        reduced_seeds: runs where time is short.
        reduced: what else is then otherwise; None: nothing.
        is_reduced: whether the rows are those of `reduced`, see `reduce_spec`.
        columns, rows, claims, rule: what is printed and how it is judged.
        departures: where our protocol is not the published one, or cannot be told.
        tried: what was tried where a cell did not reproduce.
        pictures: beside that of the cells.
    """

    paper: str
    table: str
    title: str
    source: str
    unavailable: str
    needs: tuple[str, ...]
    overrides: tuple[str, ...]
    tuning: Tuning | None
    seeds: int
    reduced_seeds: int
    reduced: Reduced | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    claims: tuple[Claim | PairedClaim, ...]
    rule: Rule
    departures: tuple[str, ...]
    tried: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    is_reduced: bool = False

    @property
    def name(self) -> str:
        return f"{self.paper}/{self.table}"

    @property
    def runnable(self) -> tuple[Row, ...]:
        """The rows that say how to run them."""
        return tuple(row for row in self.rows if row.overrides is not None or row.call)


def reduce_spec(spec: Spec) -> Spec:
    """The table as it runs where time is short: no printed value of a run counts."""
    reduced = spec.reduced
    rows = [
        row._replace(
            overrides=(*row.overrides, *reduced.overrides),
            not_comparable=row.not_comparable or reduced.because,
        )
        if row.overrides is not None
        else row
        for row in spec.rows
    ]
    return spec._replace(rows=tuple(rows), is_reduced=True)
