"""Every option of the group `encoder/text` is built and encodes."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from mtlx.models import encoders
from mtlx.types import Field

CONF = Path(__file__).resolve().parents[3] / "conf"
OPTIONS = sorted(path.stem for path in (CONF / "encoder" / "text").glob("*.yaml"))
TITLE = Field("title", "text", (7,), sizes=(9,))
DIM = 24
WIDTHS = {  # of what an option makes of a text, at its defaults
    "attention": DIM,
    "bert": DIM,
    "bilstm": 64,
    "cnn": 300,
    "gru": 32,
    "lstm": 32,
    "mean": DIM,
    "transformer": 64,
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_encodes_a_text(option):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=[f"encoder/text={option}"]).encoder
    name = cfg.text._target_.rpartition(".")[2]
    assert name in encoders.__all__
    make = mtlx.compose.instantiate(cfg)
    encoder = make(fields=(TITLE,), embedding_dim=DIM)
    assert isinstance(hash(encoder), int)
    rows = {"title": jnp.zeros((2, 7), int)}
    x, _ = jax.eval_shape(encoder.init_with_output, jax.random.key(0), rows)
    assert x.shape == (2, WIDTHS[option])
