"""What a judged table says of itself in words."""

from mtlx.results.reproduction.judge import Record, count_verdicts


def notices(record: Record) -> list[str]:
    """What is to be known before any cell is read."""
    counts = ", ".join(f"{n} {word}" for word, n in count_verdicts(record).items() if n)
    lines = [f"Cells and claims: {counts}."]
    seeds = record["seeds"]
    short = [record["reduced"]] if record.get("reduced") else []
    if 0 < seeds["run"] < seeds["published"]:
        short.append(f"{seeds['run']} of the {seeds['published']} runs a row")
    if short and seeds["run"]:
        lines.append(f"Reduced: {', '.join(short)} of the published protocol.")
    if record["unavailable"]:
        lines.append(f"Its data are not free to have: {record['unavailable']}.")
    return lines


def sections(record: Record) -> dict[str, list[str]]:
    """Title -> its lines, below all tables."""
    rule = record["rule"]
    found = {
        "How it is judged": [
            f"Rule, fixed before the runs: {rule['kind']}, {rule['width']:g}, because "
            f"{rule['because']}; see mtlx/results/reproduction/verdict.py.",
            *_other_rules(record),
            "Ours: mean over seeds ± half-width of the 95 % t-interval; the CSV has "
            "the bootstrap interval (BCa) too. Difference: ours minus published, with "
            "Welch's 95 % interval where the paper gives a spread (else the printed "
            "value is taken as exact), and half a unit of the last printed digit.",
            _budget(record),
        ],
        "Departures from the published protocol": record["departures"],
        "Tried": record["tried"],
        "How it was run": [f"{k}: {v}" for k, v in record["facts"].items() if v],
    }
    return {title: lines for title, lines in found.items() if lines}


def picture_links(record: Record) -> list[str]:
    """Markdown links to the pictures that something was drawn in."""
    return [
        f"![{picture['title']}]({record['table']}_{picture['name']}.png)"
        for picture in record.get("pictures", ())
        if any(row["ours"] for row in picture.get("rows", ()))
        or any(
            line["steps"]
            for panel in picture.get("panels", ())
            for line in panel["lines"]
        )
    ]


def _other_rules(record: Record) -> list[str]:
    """Of the columns that have a rule or an interval of their own."""
    lines = []
    for column in record["columns"]:
        if rule := column.get("rule"):
            told = f"{rule['kind']}, {rule['width']:g}, because {rule['because']}"
            lines.append(f"{column['name']}: {told}.")
        if column.get("at_least") is not None:
            lines.append(
                f"{column['name']}: its differences have Newcombe's 95 % interval of "
                "two shares, since runs that are all alike have no spread."
            )
    return lines


def _budget(record: Record) -> str:
    tuning = record["tuning"]
    if tuning is None:
        return (
            "Nothing was tuned: every row ran once a seed, as its specification says."
        )
    grid = "; ".join(f"{name} in {values}" for name, values in tuning["grid"].items())
    return (
        f"Tuning, the same for every trained row: {grid} ({tuning['points']} points x "
        f"seeds {tuning['seeds']}), by the mean of {tuning['by']} on validation; other "
        "seeds were then run with what was chosen, and tested once."
    )
