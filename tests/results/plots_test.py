import math

import pytest
from matplotlib.image import imread

from mtlx.results.curves import draw_diagnostics, draw_validation
from mtlx.results.dots import draw_delta, draw_headlines
from mtlx.results.plots import draw_study
from mtlx.results.store import load_study
from mtlx.results.summary import summarise

DATA = "census_income_sample"
CLICK = {"click": {"kind": "binary", "metrics": ["auc"]}}


def drawn(factory):
    pictures = draw_study(load_study(factory.path), DATA, factory.path)
    return [picture.path.stem.removeprefix(f"{DATA}_") for picture in pictures]


def test_all_pictures_are_drawn_within_their_size(filled):
    assert drawn(filled) == [
        *("delta_m", "headlines", "ranks", "trade_off", "validation", "weights"),
        "diagnostics",
    ]
    for path in filled.path.glob("*.png"):
        height, width = imread(path).shape[:2]
        assert 500 < width <= 1500 and 300 < height <= 1000


def test_one_run_of_one_task_without_baseline(factory):
    factory.run(tasks=CLICK)
    assert drawn(factory) == ["headlines", "validation"]


def test_a_metric_that_is_never_defined(factory):
    for seed in range(2):
        factory.run("single_task", seed=seed, test={"income": {"auc": math.nan}})
    factory.run("mmoe", test={"income": {"auc": math.nan}})
    assert drawn(factory) == ["headlines", "trade_off", "validation"]


def test_more_balancers_than_colours(factory):
    for number in range(13):
        factory.run(balancer=f"balancer_{number}", tasks=CLICK)
    assert "headlines" in drawn(factory)


def test_dots_stand_at_the_means_with_the_baseline_line(filled):
    summary = summarise(load_study(filled.path), DATA)
    axis = draw_delta(summary, DATA).axes[0]
    rows = summary[summary["quantity"] == "delta_m"]
    dots = [container.lines[0].get_xdata()[0] for container in axis.containers]
    assert dots == pytest.approx(rows["mean"].tolist())
    line = next(x for x in axis.lines if x.get_label() == "single-task mean")
    assert list(line.get_xdata()) == [0, 0]
    titles = [axis.get_title(loc="left") for axis in draw_headlines(summary, DATA).axes]
    assert titles == ["income", "married", "age"]


def test_curves_are_means_up_to_the_epoch_that_all_seeds_reached(factory):
    for seed, epochs in enumerate([3, 5]):
        factory.run(seed=seed, tasks=CLICK, epochs=epochs)
    study = load_study(factory.path)
    order = summarise(study, DATA)[["model", "method"]].drop_duplicates()
    line = draw_validation(study, DATA, order).axes[0].lines[0]
    assert list(line.get_xdata()) == [1, 2, 3]
    curves = study.curves.query("split == 'validation' and epoch <= 3")
    expected = curves.groupby("epoch")["value"].mean()
    assert list(line.get_ydata()) == pytest.approx(expected.tolist())


def test_diagnostics_show_the_balancers_that_measure_and_what_is_a_number(filled):
    study = load_study(filled.path)
    order = summarise(study, DATA)[["model", "method"]].drop_duplicates()
    figure = draw_diagnostics(study, DATA, order)
    labels = {axis.get_ylabel() for axis in figure.axes} - {""}
    assert len(labels) == 2  # cosine and conflict; worst descent is NaN throughout
    lines = [line for axis in figure.axes for line in axis.get_lines()]
    values = [line.get_ydata() for line in lines if len(line.get_ydata()) == 4]
    assert any(list(v) == pytest.approx([0.1, 0.2, 0.3, 0.4]) for v in values)


def test_no_diagnostics_without_a_gram_matrix(factory):
    factory.run("mmoe", "equal", 0)
    study = load_study(factory.path)
    order = summarise(study, DATA)[["model", "method"]].drop_duplicates()
    assert draw_diagnostics(study, DATA, order) is None
