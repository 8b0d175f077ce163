"""Every option of the group `encoder`, and of the groups in it, is built and runs."""

from pathlib import Path

import jax
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import mtlx.compose
from mtlx.models import encoders
from tests.models.field_case import CARDINALITIES, HISTORY, NAMES, TAGS, make_rows

CONF = Path(__file__).resolve().parents[2] / "conf"
ROWS = make_rows()
GROUPS = ("encoder", "encoder/sequence", "encoder/bag", "encoder/numeric")
WIDTHS = {"GRU": 32, "LSTM": 32, "BiLSTM": 64}  # the others keep that of the vectors


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=list(overrides)).encoder


def encoder_of(cfg):
    make = mtlx.compose.instantiate(cfg)
    return make(cardinalities=CARDINALITIES, names=NAMES, fields=(HISTORY, TAGS))


@pytest.mark.parametrize(
    ("group", "option"),
    [
        (group, name)
        for group in GROUPS
        for name in options(group)
        if name != "joint"  # reads other rows: tests/data/joint_conf_test.py
    ],
)
def test_every_option_encodes(group, option):
    cfg = composed(f"{group}={option}")
    kind = cfg.sequence._target_.rsplit(".", 1)[-1]
    x, _ = jax.eval_shape(encoder_of(cfg).init_with_output, jax.random.key(0), ROWS)
    numbers = 2 * 8 if "numeric" in cfg else 2
    history, tags = WIDTHS.get(kind, 3 * 8), 8
    assert x.shape == (4, 8 * len(NAMES) + numbers + history + tags)


def test_the_groups_multiply():
    cfg = composed("encoder=gru", "encoder/bag=sum", "encoder.sequence.width=5")
    assert (cfg.sequence.width, cfg.bag.reduce, cfg.text.reduce) == (5, "sum", "mean")
    assert isinstance(hash(encoder_of(cfg)), int)


def test_every_sequence_encoder_has_an_option():
    targets = {
        OmegaConf.load(CONF / "encoder" / "sequence" / f"{name}.yaml")._target_
        for name in options("encoder/sequence")
    }
    sequence = ("Pool", "GRU", "LSTM", "BiLSTM", "SASRec", "DIN")
    assert targets == {f"mtlx.models.encoders.{name}" for name in sequence}
    assert set(sequence) <= set(encoders.__all__)
    assert set(options("encoder/sequence")) <= set(options("encoder"))


def test_lists_of_an_encoder_become_tuples():
    cfg = composed("encoder=din", "encoder.sequence.widths=[6,5]")
    variables = jax.eval_shape(encoder_of(cfg).init, jax.random.key(0), ROWS)
    unit = variables["params"]["history"]["encoder"]["unit"]
    assert [unit[f"dense_{k}"]["bias"].shape for k in range(2)] == [(6,), (5,)]
    sequence = mtlx.compose.instantiate(cfg).keywords["sequence"]
    assert sequence.keywords["widths"] == (6, 5)
