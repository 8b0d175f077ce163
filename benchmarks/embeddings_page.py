"""The page of W4, docs/benchmarks/embeddings.md, from the recorded figures.

python -m benchmarks.embeddings_page
"""

import json
from pathlib import Path

from benchmarks.rounds import RESULTS
from mtlx.results import style

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"
RUNS = {"embeddings": "pages of 4 KiB", "embeddings_huge_pages": "pages of 2 MiB"}
PAGE = """# Embeddings: the cost of a step follows the batch

W4: one table of R rows x {width} read by two id columns, two tasks on a shared
bottom, PCGrad, batch {batch}, uniform ids. Time of a step over that of the smallest
table in the same round: median (lowest to highest) of {rounds} interleaved rounds.
{device}, {machine}, JAX {jax}, {date}; **the machine was shared with other work**, so
ratios say more than rates.

![Steps a second by rows of the table](embeddings.png)

{table}

* **Must be within 1.3**: {verdict}
* `optimizer=lazy_adam` and `optimizer=rowwise_adagrad` make a step gather the rows
  that its batch reads, measure, decide and apply on those, and scatter them back
  (`mtlx/train/rows.py`). In the compiled scan the scatters are the only instructions
  that write an array of the table's size, and they write in place;
  `tests/benchmarks/embeddings_test.py` holds it to that. Adam passes over the whole
  table in every step.
* Medians of a shared machine move from run to run. For `lazy_adam` at 1e7 rows, all
  runs of that day, of 3 to 15 rounds: 1.28, 1.25, 1.24, 1.19, 1.25, 1.12, 1.19 with
  pages of 4 KiB; 1.08, 1.07, 1.03, 1.04, 1.02, 1.20 with pages of 2 MiB
  (`GLIBC_TUNABLES=glibc.malloc.hugetlb=1`, where the kernel's
  `transparent_hugepage/enabled` says `madvise`). The growth that is left is probably
  the memory's, {batch} x 2 random rows of the table and of its moments, rather than
  the program's; a quiet machine has yet to say so.

```
python -m benchmarks.embeddings
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1
python -m benchmarks.embeddings --name embeddings_huge_pages
python -m benchmarks.embeddings_page
```
"""


def read_records() -> dict[str, dict]:
    """Label of the memory's pages -> figures."""
    return {
        label: json.loads((RESULTS / f"{name}.json").read_text())
        for name, label in RUNS.items()
    }


def table_rows(records: dict[str, dict]) -> list[str]:
    """The lines of the page's table."""
    lines = ["| optimizer | memory | rows | steps/s | time over smallest | passes |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: |")
    for label, record in records.items():
        for optimizer, sizes in record["optimizers"].items():
            for rows, figures in sizes.items():
                ratio = figures["time_over_smallest"]
                lines.append(
                    f"| `{optimizer}` | {label} | {rows} |"
                    f" {figures['steps_per_second']['median']:.1f} |"
                    f" {ratio['median']:.2f} ({ratio['lowest']:.2f} to"
                    f" {ratio['highest']:.2f}) | {figures['passes_over_the_table']} |"
                )
    return lines


def verdict(records: dict[str, dict]) -> str:
    """Whether the largest table is within 1.3 of the smallest, for each optimizer."""
    words = []
    for label, record in records.items():
        for optimizer in ("lazy_adam", "rowwise_adagrad"):
            *_, largest = record["optimizers"][optimizer].values()
            ratio = largest["time_over_smallest"]["median"]
            met = "met" if ratio <= 1.3 else "missed"
            words.append(f"`{optimizer}`, {label}: {ratio:.2f}, {met}")
    return "; ".join(words) + "."


def draw(record: dict, path: Path) -> None:
    """Steps a second over rows, both on logarithmic axes."""
    with style.look():
        figure, axes = style.panels(1, 1, (6.0, 3.6))
        axis = axes[0, 0]
        names = list(record["optimizers"])
        colors, markers = style.colors(names), style.markers(names)
        for name, sizes in record["optimizers"].items():
            x = [int(rows.replace(",", "")) for rows in sizes]
            spreads = [figures["steps_per_second"] for figures in sizes.values()]
            y = [spread["median"] for spread in spreads]
            reach = [
                [spread["median"] - spread["lowest"] for spread in spreads],
                [spread["highest"] - spread["median"] for spread in spreads],
            ]
            look = {"color": colors[name], "marker": markers[name]}
            axis.errorbar(x, y, yerr=reach, label=name, capsize=3, **look)
        axis.set(xscale="log", yscale="log", xlabel="rows of the table")
        axis.set_ylabel("steps a second")
        axis.legend()
        style.head(figure, "W4: PCGrad, batch 4096, embedding width 16")
        figure.savefig(path)


def main() -> None:
    """Writes the page and its picture."""
    records = read_records()
    FOLDER.mkdir(parents=True, exist_ok=True)
    first = next(iter(records.values()))
    draw(first, FOLDER / "embeddings.png")
    page = PAGE.format(
        table="\n".join(table_rows(records)), verdict=verdict(records), **first
    )
    (FOLDER / "embeddings.md").write_text(page)
    print(f"Wrote {FOLDER / 'embeddings.md'}")


if __name__ == "__main__":
    main()
