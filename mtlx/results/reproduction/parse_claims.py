"""A claim of a table from a mapping."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtlx.results.reproduction.fields import SpecError, check_known, take
from mtlx.results.reproduction.spec import Claim, Column, PairedClaim, Row

PAIRED = ("none_better", "none_apart")
SAID = {"text": str, "column": str}


def parse_claim(
    content: Any, columns: Sequence[Column], rows: Sequence[Row], where: str
) -> Claim | PairedClaim:
    """An order of two rows, or of all against one: none is better, or none is apart.

    Raises:
        SpecError: a field that is unknown or missing; a name that nothing bears; of
            rows against one, a column that cannot be paired or has no direction.
    """
    asked = [key for key in PAIRED if isinstance(content, Mapping) and key in content]
    names = [row.name for row in rows]
    sides = [asked[0]] if asked else ["lower", "higher"]
    optional = {"among": (list, None)} if asked else {}
    claim = take(content, where, SAID | dict.fromkeys(sides, str), optional)
    check_known(claim["column"], [column.name for column in columns], "column", where)
    for name in [claim[side] for side in sides] + list(claim.get("among") or ()):
        check_known(name, names, "row", where)
    if not asked:
        return Claim(**claim)
    (column,) = (column for column in columns if column.name == claim["column"])
    of_many = column.best_by is not None or column.at_least is not None
    if column.higher_is_better is None or of_many:
        raise SpecError(
            f"{where}: expected a column with higher_is_better and a value a run, "
            f"found {column.name!r}, which has none, or is of the best run or a share."
        )
    reference = claim[asked[0]]
    among = claim["among"] if claim["among"] is not None else names
    return PairedClaim(
        claim["text"],
        column.name,
        reference,
        asked[0] == "none_apart",
        tuple(name for name in among if name != reference),
    )
