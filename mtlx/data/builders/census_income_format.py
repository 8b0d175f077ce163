"""The columns of the Census-Income (KDD) files, and one line at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtlx.data.errors import DataError

COLUMNS = (
    "age",
    "class_of_worker",
    "detailed_industry_recode",
    "detailed_occupation_recode",
    "education",
    "wage_per_hour",
    "enroll_in_edu_inst_last_wk",
    "marital_stat",
    "major_industry_code",
    "major_occupation_code",
    "race",
    "hispanic_origin",
    "sex",
    "member_of_a_labor_union",
    "reason_for_unemployment",
    "full_or_part_time_employment_stat",
    "capital_gains",
    "capital_losses",
    "dividends_from_stocks",
    "tax_filer_stat",
    "region_of_previous_residence",
    "state_of_previous_residence",
    "detailed_household_and_family_stat",
    "detailed_household_summary_in_household",
    "instance_weight",
    "migration_code_change_in_msa",
    "migration_code_change_in_reg",
    "migration_code_move_within_reg",
    "live_in_this_house_1_year_ago",
    "migration_prev_res_in_sunbelt",
    "num_persons_worked_for_employer",
    "family_members_under_18",
    "country_of_birth_father",
    "country_of_birth_mother",
    "country_of_birth_self",
    "citizenship",
    "own_business_or_self_employed",
    "fill_inc_questionnaire_for_veterans_admin",
    "veterans_benefits",
    "weeks_worked_in_year",
    "year",
    "income",
)
MONEY = (
    "wage_per_hour",
    "capital_gains",
    "capital_losses",
    "dividends_from_stocks",
)
NUMERICAL = ("age", *MONEY, "num_persons_worked_for_employer", "weeks_worked_in_year")
WEIGHT = "instance_weight"
CATEGORICAL = tuple(c for c in COLUMNS if c not in NUMERICAL and c != WEIGHT)

# A label must hold a value that is known here: a new spelling would silently count as
# a negative. In any other column an unknown value is just one more category.
LABEL_VALUES = {
    "income": ("- 50000.", "50000+."),
    "marital_stat": (
        "Divorced",
        "Married-A F spouse present",
        "Married-civilian spouse present",
        "Married-spouse absent",
        "Never married",
        "Separated",
        "Widowed",
    ),
    "education": (
        "Children",
        "Less than 1st grade",
        "1st 2nd 3rd or 4th grade",
        "5th or 6th grade",
        "7th and 8th grade",
        "9th grade",
        "10th grade",
        "11th grade",
        "12th grade no diploma",
        "High school graduate",
        "Some college but no degree",
        "Associates degree-occup /vocational",
        "Associates degree-academic program",
        "Bachelors degree(BA AB BS)",
        "Masters degree(MA MS MEng MEd MSW MBA)",
        "Prof school degree (MD DDS DVM LLB JD)",
        "Doctorate degree(PhD EdD)",
    ),
}

_POSITION = {name: position for position, name in enumerate(COLUMNS)}
_CATEGORICAL_AT = tuple(_POSITION[name] for name in CATEGORICAL)
_NUMERICAL_AT = tuple(_POSITION[name] for name in NUMERICAL)
_WEIGHT_AT = _POSITION[WEIGHT]
_LABELS_AT = tuple(
    (_POSITION[name], frozenset(values)) for name, values in LABEL_VALUES.items()
)


def parse_census_income(content: bytes, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a raw file, in its order.

    Args:
        content: the uncompressed file: 42 fields a line, parted by ", ", no header.
        path: where it came from, for the error messages.

    Yields:
        "categorical", 34 strings in the order of `CATEGORICAL`, "numerical", 7 integers
        in the order of `NUMERICAL`, and "instance_weight", a float.

    Raises:
        DataError: a line has another number of fields, a field that should be a number
            is none, or a label column holds a value that is not in `LABEL_VALUES`.
    """
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            fields = [field.strip() for field in line.decode("ascii").split(",")]
            if len(fields) != len(COLUMNS):
                raise ValueError
            numbers = [int(fields[i]) for i in _NUMERICAL_AT]
            weight = float(fields[_WEIGHT_AT])
            for i, values in _LABELS_AT:
                if fields[i] not in values:
                    raise ValueError
        except ValueError:
            raise DataError(_diagnose(line, f"{path}, line {number}")) from None
        strings = [fields[i] for i in _CATEGORICAL_AT]
        yield {"categorical": strings, "numerical": numbers, WEIGHT: weight}


def _diagnose(line: bytes, where: str) -> str:
    """What is wrong with a line that `parse_census_income` refused."""
    mend = "Mend the line, or fetch the file again."
    if not line.isascii():
        return f"{where}: expected ASCII text, found {line[:60]!r}. {mend}"
    fields = [field.strip() for field in line.decode("ascii").split(",")]
    if len(fields) != len(COLUMNS):
        return (
            f"{where}: expected {len(COLUMNS)} fields parted by ', ', found "
            f"{len(fields)}: {line[:60].decode('ascii')!r}... {mend}"
        )
    position, expected = next(_faults(fields))
    return (
        f"{where}, column {position + 1} ({COLUMNS[position]}): expected {expected}, "
        f"found {fields[position]!r}. {mend}"
    )


def _faults(fields: list[str]) -> Iterator[tuple[int, str]]:
    for position in _NUMERICAL_AT:
        if not _is(int, fields[position]):
            yield position, "a whole number"
    if not _is(float, fields[_WEIGHT_AT]):
        yield _WEIGHT_AT, "a number"
    for position, values in _LABELS_AT:
        if fields[position] not in values:
            yield position, f"one of {sorted(values)}"


def _is(number: type, text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True
