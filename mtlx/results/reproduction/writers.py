"""A judged table as text: Markdown, LaTeX, CSV, HTML. All read the stored record."""

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mtlx.results.markdown import markdown_table
from mtlx.results.reproduction.judge import Record
from mtlx.results.reproduction.notes import notices, picture_links, sections

HEADER = ("row", "ours", "published", "difference", "verdict", "why")
CLAIMS = ("claim", "column", "difference", "verdict", "why")
PAIRS = ("row", "gain", "p", "p by Holm", "seeds")
MARKS = {
    "reproduced": r"$\checkmark$",
    "not reproduced": r"$\times$",
    "not comparable": r"$\sim$",
}
STYLE = """body { margin: 0 auto; max-width: 1100px; padding: 32px 16px; color: #1d2430;
  font: 16px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: 3px 9px; text-align: left; border-bottom: 1px solid #d9dee6; }
.reproduced { color: #14703a; } .not-reproduced { color: #a8241c; }"""


def to_markdown(record: Record) -> str:
    """One table a column, then claims, and how it was run."""
    parts = [f"# {record['title']}", f"{record['source']}.", *notices(record)]
    if record["seeds"]["run"]:
        parts.append(f"![Ours beside published]({record['table']}.png)")
    parts += picture_links(record)
    for name, rows in _tables(record):
        parts += [f"## {name}", markdown_table(HEADER, rows, words=None)]
    if record["claims"]:
        parts += ["## Claims", markdown_table(CLAIMS, _claims(record), words=None)]
    for title, rows in _pairs(record):
        parts += [f"### {title}", markdown_table(PAIRS, rows, words=None)]
    for title, lines in sections(record).items():
        parts += [f"## {title}", "\n".join(f"* {line}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def to_html(record: Record) -> str:
    """The same on one page of its own."""
    parts = [f"<h1>{html.escape(record['title'])}</h1>"]
    parts += [f"<p>{html.escape(x)}</p>" for x in (record["source"], *notices(record))]
    for name, rows in _tables(record):
        parts += [f"<h2>{html.escape(name)}</h2>", _html_grid(HEADER, rows, 4)]
    if record["claims"]:
        parts += ["<h2>Claims</h2>", _html_grid(CLAIMS, _claims(record), 3)]
    for title, rows in _pairs(record):
        parts += [f"<h3>{html.escape(title)}</h3>", _html_grid(PAIRS, rows)]
    for title, lines in sections(record).items():
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        parts += [f"<h2>{title}</h2>", f"<ul>{items}</ul>"]
    title = html.escape(record["title"])
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    page = f'<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>'
    return f"<!DOCTYPE html>\n{page}\n"


def to_latex(record: Record) -> str:
    """One booktabs table: ours over published in each cell, marked by the verdict."""
    columns = [column["name"] for column in record["columns"]]
    rows = list(dict.fromkeys(cell["row"] for cell in record["cells"]))
    cells = {(cell["row"], cell["column"]): cell for cell in record["cells"]}
    digits = {column["name"]: column["digits"] for column in record["columns"]}
    lines = [
        f"% {record['title']}. {record['source']}. Ours / published.",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        " & ".join(["", *map(_tex, columns)]) + r" \\",
        r"\midrule",
    ]
    for row in rows:
        found = [
            _latex_cell(cells[row, name], digits[name]) if (row, name) in cells else ""
            for name in columns
        ]
        lines.append(" & ".join([_tex(row), *found]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def to_csv(record: Record) -> str:
    """Every figure in full precision, one row a cell, then one a claim."""
    rows = []
    for cell in record["cells"]:
        printed = cell["published"] or {}
        rows.append(
            {
                "kind": "cell",
                "row": cell["row"],
                "column": cell["column"],
                **{f"ours_{k}": v for k, v in cell["ours"].items()},
                **{
                    f"published_{k}": printed.get(k)
                    for k in ("mean", "std", "ci95", "n")
                },
                **{f"difference_{k}": v for k, v in cell["difference"].items()},
                "verdict": cell["verdict"],
                "reason": cell["reason"],
            }
        )
    for claim in record["claims"]:
        rows.append(
            {
                "kind": "claim",
                "row": _order(claim),
                "column": claim["column"],
                **{f"difference_{k}": v for k, v in claim["difference"].items()},
                "verdict": claim["verdict"],
                "reason": claim["reason"],
            }
        )
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


WRITERS = {"md": to_markdown, "tex": to_latex, "csv": to_csv, "html": to_html}


def _tables(record: Record):
    """(column's name, its rows as text)."""
    for column in record["columns"]:
        cells = [c for c in record["cells"] if c["column"] == column["name"]]
        digits = column["digits"]
        yield (
            column["name"],
            [
                (
                    cell["row"],
                    _ours(cell["ours"], digits),
                    _published(cell["published"], digits),
                    _difference(cell["difference"], digits),
                    cell["verdict"],
                    cell["reason"],
                )
                for cell in cells
            ],
        )


def _claims(record: Record) -> list[tuple[str, ...]]:
    digits = {column["name"]: column["digits"] for column in record["columns"]}
    return [
        (
            claim["text"],
            claim["column"],
            _difference(claim["difference"], digits[claim["column"]]),
            claim["verdict"],
            claim["reason"],
        )
        for claim in record["claims"]
    ]


def _pairs(record: Record):
    """(what is paired with what, its rows as text) of each claim of many rows."""
    digits = {column["name"]: column["digits"] for column in record["columns"]}
    for claim in record["claims"]:
        if not claim.get("pairs"):
            continue
        places = digits[claim["column"]]
        yield (
            f"{claim['column']}: gain over {claim['reference']}, paired by seed",
            [
                (
                    pair["row"],
                    _difference(pair["gain"], places),
                    _p_value(pair["p"]),
                    _p_value(pair["p_holm"]),
                    str(pair["n"]),
                )
                for pair in claim["pairs"]
            ],
        )


def _p_value(p: float | None) -> str:
    return "" if p is None else f"{p:.2g}"


def _order(claim: Mapping[str, Any]) -> str:
    if "reference" not in claim:
        return f"{claim['lower']} < {claim['higher']}"
    return (
        f"none {'apart from' if claim['apart'] else 'better than'} {claim['reference']}"
    )


def _ours(ours: Mapping[str, Any], digits: int) -> str:
    if ours["mean"] is None:
        return "not run" if ours["n"] == 0 else "n/a"
    spread = "" if ours["ci95"] is None else f" ± {ours['ci95']:.{digits}f}"
    return f"{ours['mean']:.{digits}f}{spread} (n={ours['n']})"


def _published(printed: Mapping[str, Any] | None, digits: int) -> str:
    if printed is None:
        return ""
    text = f"{printed['mean']:.{digits}f}"
    if printed["ci95"] is not None:
        text += f" ± {printed['ci95']:.{digits}f}"
    if printed["std"] is not None:
        text += f" (sd {printed['std']:.{digits}f})"
    text += f" (n={printed['n']})" if printed["n"] else ""
    return f"{text}, {printed['source']}" if printed["source"] else text


def _difference(found: Mapping[str, Any], digits: int) -> str:
    if found["mean"] is None:
        return ""
    text = f"{found['mean']:+.{digits}f}"
    if found["low"] is None:
        return text
    return f"{text} [{found['low']:+.{digits}f}, {found['high']:+.{digits}f}]"


def _html_grid(header, rows, verdict: int | None = None) -> str:
    lines = ["".join(f"<th>{html.escape(name)}</th>" for name in header)]
    for row in rows:
        kind = "" if verdict is None else row[verdict].replace(" ", "-")
        lines.append(
            "".join(
                f'<td class="{kind}">{html.escape(text)}</td>'
                if place == verdict
                else f"<td>{html.escape(text)}</td>"
                for place, text in enumerate(row)
            )
        )
    return "<table>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def _latex_cell(cell: Record, digits: int) -> str:
    ours = cell["ours"]
    left = "--" if ours["mean"] is None else f"{ours['mean']:.{digits}f}"
    if ours["ci95"] is not None:
        left += rf" $\pm$ {ours['ci95']:.{digits}f}"
    printed = cell["published"]
    right = "--" if printed is None else f"{printed['mean']:.{digits}f}"
    mark = MARKS.get(cell["verdict"])
    return f"{left} / {right}" + (f" {mark}" if mark else "")


def _tex(text: str) -> str:
    for sign in "&%_#$":
        text = text.replace(sign, "\\" + sign)
    return text
