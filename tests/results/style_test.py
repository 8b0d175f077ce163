"""Legends stay within their figure."""

import pytest

from mtlx.results import style

SHORT = ["equal", "pcgrad", "gradnorm"]
LONG = "equal (model.feedforward_width=48, model.num_layers=2, model.token_dim=24)"


@pytest.mark.parametrize(("labels", "lines"), [(SHORT, 1), ([*SHORT, LONG], 4)])
def test_a_legend_is_as_wide_as_its_figure_at_most(labels, lines):
    with style.look():
        figure, axes = style.panels(1, 1, (8.0, 4.0))
        for label in labels:
            axes[0, 0].plot([0, 1], [0, 1], label=label)
        style.legend_below(figure, axes[0, 0], title="lines")
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box = legend.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= figure.bbox.x1
    places = {round(text.get_window_extent().y0) for text in legend.get_texts()}
    assert len(places) == lines
