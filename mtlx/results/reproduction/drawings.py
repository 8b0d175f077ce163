"""All pictures of a judged table."""

from matplotlib.figure import Figure

from mtlx.results.reproduction.curves import draw_curves
from mtlx.results.reproduction.histogram import draw_histogram
from mtlx.results.reproduction.judge import Record
from mtlx.results.reproduction.picture import draw_table

DRAW = {"curves": draw_curves, "histogram": draw_histogram}


def draw_pictures(record: Record) -> dict[str, Figure]:
    """Name of the file without its ending -> picture; none where nothing was run."""
    table = record["table"]
    figures = {table: draw_table(record)}
    for picture in record["pictures"]:
        figures[f"{table}_{picture['name']}"] = DRAW[picture["kind"]](picture)
    return {name: figure for name, figure in figures.items() if figure is not None}
