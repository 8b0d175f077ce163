"""Sums up all tables: python -m experiments.reproductions writes its page."""

import json
import sys
from pathlib import Path

from experiments.reproduce_spec import load_spec, table_names
from mtlx.results.reproduction.judge import Record, count_verdicts, judge_table
from mtlx.results.reproduction.verdict import (
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_RUN,
    OURS_ALONE,
    REPRODUCED,
)

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reproductions"
COUNTED = (REPRODUCED, NOT_REPRODUCED, NOT_COMPARABLE, NOT_RUN)
SHOWN = 4  # lines of a table in the list of what did not reproduce
HEADER = ("table", "what", "runs a row", *COUNTED, "machine, time")
HEAD = f"""# Reproductions

Published tables and ours. Generated from conf/reproduce and from the results stored
here by `python -m experiments.reproductions`; a test keeps it so. A verdict is read off
the 95 % interval of ours minus published, by a rule that the table's file fixes before
anything runs ([verdict.py](../../mtlx/results/reproduction/verdict.py)): *reproduced*,
*not reproduced*, or *not comparable*, with the reason. What did not reproduce stays,
with what was tried. [A table is a file](format.md).

    make reproduce         # few seeds, as each table says: 54 minutes, 2 cores
    make reproduce-full    # the published number of runs
    python -m experiments.reproduce paper=hu2023 output=docs/reproductions

| {" | ".join(HEADER)} |
| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |
"""


ABSENT = """## Tables whose data are not free to have

Each runs by `python -m experiments.reproduce paper=... table=...` where `MTLX_DATA_DIR`
holds its files; their readers are tested on made-up files of the published form.

"""


def page(folder: Path = FOLDER) -> str:
    """The page as text; a table without stored results is "not run"."""
    records = [_stored(folder, name) for name in table_names()]
    absent = [r for r in records if r["unavailable"] and not r["seeds"]["run"]]
    rows = [_row(record, folder) for record in records if record not in absent]
    parts = [HEAD + "\n".join(rows)]
    if missed := [line for record in records for line in _missed(record)]:
        parts.append("## Not reproduced\n\n" + "\n".join(missed))
    if absent:
        parts.append(ABSENT + "\n".join(map(_waiting, absent)))
    return "\n\n".join(parts) + "\n"


def _stored(folder: Path, name: str) -> Record:
    """What was stored; else the table with every cell "not run"."""
    path = folder / f"{name}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return judge_table(load_spec(name), {}, {})


def _row(record: Record, folder: Path) -> str:
    counts, seeds = count_verdicts(record), record["seeds"]
    name = _name(record)
    stored = (folder / f"{name}.md").exists()
    runs = f"{seeds['run']} of {seeds['published']}" if seeds["run"] else "not run"
    if seeds["run"] and record.get("reduced"):
        runs += f", {record['reduced']}"
    facts = record["facts"]
    alone = counts[OURS_ALONE]
    title = record["title"] + (f" ({alone} ours alone)" if alone else "")
    cells = [
        f"[{name}]({name}.md)" if stored else name,
        title,
        runs,
        *(str(counts[word]) for word in COUNTED),
        ", ".join(filter(None, [facts.get("machine"), facts.get("training")])),
    ]
    return f"| {' | '.join(cells)} |"


def _missed(record: Record) -> list[str]:
    """One line a cell or claim that did not reproduce; of many the first ones."""
    digits = {column["name"]: column["digits"] for column in record["columns"]}
    lines = []
    for cell in [*record["cells"], *record["claims"]]:
        if cell["verdict"] != NOT_REPRODUCED:
            continue
        what = cell.get("text") or f"{cell['row']}, {cell['column']}"
        gap = cell["difference"]["mean"]
        by = "" if gap is None else f" ({gap:+.{digits[cell['column']]}f})"
        lines.append(f"* {_name(record)}: {what}{by}: {cell['reason']}.")
    if (more := len(lines) - SHOWN) > 1:
        link = f"[{more} more]({_name(record)}.md)"
        lines[SHOWN:] = [f"* {_name(record)}: {link} of its cells and claims."]
    return lines


def _waiting(record: Record) -> str:
    """What a table without its data has, and where they are."""
    cells = sum(cell["published"] is not None for cell in record["cells"])
    return (
        f"* {_name(record)}: {record['title']} ({cells} published cells). Not here: "
        f"{record['unavailable']}."
    )


def _name(record: Record) -> str:
    return f"{record['paper']}/{record['table']}"


def main() -> int:
    """Writes the page."""
    path = FOLDER / "README.md"
    path.write_text(page(), encoding="utf-8")
    print(f"Wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
