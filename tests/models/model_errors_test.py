"""Wrong fields are refused when the model is built, with what to do about it."""

import pytest

from mtlx import models

CHAIN = {"chain": ("click", "stars")}
CIRCLE = (("click", ("stars",)), ("stars", ("click",)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tasks": ()}, "expected tasks with names of their own"),
        ({"tasks": ("a", "b", "a")}, "expected tasks with names of their own"),
        ({"outputs": (1, 1)}, r"one number of outputs >= 1.*found \(1, 1\)"),
        ({"outputs": (1, 0, 3)}, "one number of outputs >= 1"),
        ({"tower_widths": ((8,), 4)}, r"a tuple for each of .* found \(\(8,\), 4\)"),
        ({"tower_widths": ((8,),)}, "tower_widths to be numbers, or, .* a tuple for"),
        ({"encoder": models.FeatureEncoder()}, "expected encoder to be a factory"),
        ({"dropout_rate": 1.0}, r"expected dropout_rate in \[0, 1\), found 1.0"),
        ({"dropout_rate": -0.1}, r"expected dropout_rate in \[0, 1\), found -0.1"),
    ],
)
def test_fields_of_every_architecture(build, fields, message):
    with pytest.raises(ValueError, match=message):
        build(**fields)


@pytest.mark.parametrize(
    ("field", "value"), [("tower_widths", [8]), ("norm", "batchnorm")]
)
def test_fields_of_the_wrong_type(build, field, value):
    """A type checker, where one watches, is before the ValueError."""
    with pytest.raises((ValueError, TypeError), match=field):
        build(**{field: value})


@pytest.mark.parametrize(
    ("cls", "fields", "message"),
    [
        (models.CGC, {"num_task_experts": 0}, "without task experts use MMoE"),
        (models.PLE, {"num_shared_experts": 0}, "at least one expert in every group"),
        (models.PLE, {"num_levels": 0}, "expected num_levels >= 1, found 0"),
        (models.STEM, {"num_shared_experts": 0}, "without shared ones use SingleTask"),
        (models.ESMM, {}, r"more for \['category'\]"),
        (models.ESMM, {"chain": ("click", "buy")}, "chain to hold names of tasks"),
        (models.AITM, {"chain": ("click", "click")}, "each once"),
        (
            models.ESMM,
            {"chain": ("click",), "rates": (("stars", "category"),)},
            "pairs .task outside the chain, link of the chain.",
        ),
        (models.ESCM2IPW, {"min_propensity": 0.0} | CHAIN, r"in \(0, 1\], found 0.0"),
        (models.AITM, {"bottom_widths": ()} | CHAIN, "at least one layer"),
        (models.DBMTL, {"parents": (("click", ("buy",)),)}, r"found \['buy'\]"),
        (models.DBMTL, {"parents": CIRCLE}, "click <- stars <- click|without a circle"),
        (models.MTAN, {"trunk_widths": ()}, "at least one layer to attend to"),
        (models.TopKMMoE, {"num_experts": 2}, "top_k=2 of 2; to mix all.*use MMoE"),
        (models.CrossStitch, {"column_widths": ()}, "at least one layer to stitch"),
        (models.Sluice, {"column_width": 5}, "an even column_width.*found 5 and 2"),
        (models.Sluice, {"num_layers": 0}, "num_layers >= 1"),
        (models.SNRTrans, {"num_levels": 0}, "expected num_levels >= 1, found 0"),
        (models.SNRAverage, {"gamma": 0.1}, "expected gamma < 0"),
        (models.DSelectK, {"num_selected": 0}, "num_selected >= 1"),
        (models.L2Constrained, {"bottom_widths": ()}, "one layer to constrain"),
        (models.TensorFactorised, {"ranks": (4, 0, 2)}, "ranks >= 1"),
        (models.TensorFactorised, {"bottom_widths": ()}, "at least one layer"),
        (models.AdaTTSp, {"expert_widths": ()}, "expected a level"),
        (models.AdaTTGp, {"num_shared_experts": 0}, "one expert in every group"),
        (models.HoME, {"groups": (("click",),)}, "each of the tasks.*once"),
        (models.HoME, {"num_task": 0}, "one expert of every kind.*num_task=0"),
        (models.TaskQueryAttention, {"num_heads": 3}, "num_heads that divides"),
        (models.CrossTaskAttention, {"num_heads": 3}, "num_heads divides"),
        (models.FieldTransformer, {"num_heads": 3}, "num_heads that divides"),
    ],
)
def test_fields_of_one_architecture(make, cls, fields, message):
    with pytest.raises(ValueError, match=message):
        make(cls, **fields)


@pytest.mark.parametrize("cls", [models.ESMM, models.AITM, models.ESCM2DR])
def test_a_chain_takes_binary_tasks_alone(make, cls):
    make(cls, **CHAIN).check_kinds(("binary", "binary", "multiclass"))
    with pytest.raises(ValueError, match="binary tasks in its chain.*'regression'"):
        make(cls, **CHAIN).check_kinds(("binary", "regression", "multiclass"))
