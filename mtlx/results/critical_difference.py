"""The critical-difference diagram of average ranks."""

from matplotlib.figure import Figure

from mtlx.results import style
from mtlx.results.ranks import Ranking, cliques

LINE, HEAD = 0.22, 1.1  # inch


def draw_critical_difference(ranking: Ranking, title: str) -> Figure:
    """Methods at their average ranks, the best on top; a bar joins what is alike.

    One line a method; the bar above them all is the critical difference.
    """
    ranks = ranking.average
    groups = cliques(ranking)
    figure, axes = style.panels(1, 1, (8.0, HEAD + LINE * (len(ranks) + 2)))
    axis = axes[0, 0]
    for place, (name, rank) in enumerate(ranks.items()):
        axis.plot(rank, place, "o", color=style.COLORS[0], ms=5)
        axis.annotate(
            f"{name}  {rank:.2f}",
            (rank, place),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    for group in groups:
        first, last = (list(ranks.index).index(group[end]) for end in (0, -1))
        axis.plot(
            [ranks[group[0]]] * 2,
            [first - 0.25, last + 0.25],
            color="#888888",
            linewidth=2.5,
            solid_capstyle="butt",
            alpha=0.6,
        )
    best, length = ranks.iloc[0], ranking.critical_difference
    axis.plot([best, best + length], [-1.2] * 2, "|-", color="#222222")
    axis.annotate(f"critical difference {length:.2f}", (best, -1.6), fontsize=8)
    axis.set(yticks=[], ylim=(len(ranks) - 0.4, -2.4))
    axis.set_xlim(0.8, max(len(ranks), best + length) + 0.22 * len(ranks))
    axis.set_xlabel(f"average rank over {ranking.blocks} blocks, 1 is best")
    axis.grid(visible=False, axis="y")
    style.head(figure, title)
    return figure
