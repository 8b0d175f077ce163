"""The joint options, on made-up files, from the configuration to a result."""

from pathlib import Path

import jax
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import experiments.train  # noqa: F401  registers the resolver of the folder names
import mtlx.compose
from experiments.record import claim
from tests.data.kuairand_files import write_files

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture
def cfg(tmp_path):
    """Videos twice, in place of reviews: those are tested where they are read."""
    overrides = ["data=joint_kuairand_clothing", "encoder=joint", "trainer=smoke"]
    overrides += ["model=mmoe", "model.expert_widths=[4]", "encoder.width=6"]
    overrides += ["encoder/sequence@encoder.encoder.sequence=gru"]
    overrides += [
        "data.datasets.videos.tasks=[click,like]",
        "data.datasets.videos.history=3",
        f"data.datasets.videos.data_dir={write_files(tmp_path / 'raw')}",
        f"data.datasets.videos.cache_dir={tmp_path / 'cache'}",
        "data.datasets.videos.verify_rows=false",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=overrides)
    assert cfg.data.datasets.clothing._target_ == "mtlx.data.womens_clothing"
    others = OmegaConf.merge(
        cfg.data.datasets.videos, {"tasks": ["hate"], "history": 0}
    )
    cfg.data.datasets.clothing = others
    return cfg


def test_a_joint_run_is_composed_and_built(cfg):
    parts = mtlx.compose.build(cfg)
    names = ["videos_click", "videos_like", "clothing_hate"]
    assert [task.name for task in parts.dataset.tasks] == names
    features = dict(parts.dataset.test.features)
    outputs, variables = jax.eval_shape(
        parts.model.init_with_output, jax.random.key(0), features
    )
    assert {name: y.shape for name, y in outputs.items()} == dict.fromkeys(
        names, parts.dataset.test.groups.shape
    )
    encoder = variables["params"]["encoder"]
    assert set(encoder) == {"part_videos", "part_clothing"}
    assert encoder["part_videos"]["encoder"]["history"]["encoder"]  # the GRU's
    assert encoder["part_clothing"]["projection"]["bias"].shape == (6,)


def test_a_folder_is_claimed_wherever_the_data_of_the_parts_lie(cfg, tmp_path):
    claim(tmp_path / "run", cfg)
    cfg.data.datasets.videos.data_dir = "elsewhere"
    claim(tmp_path / "run", cfg)
    cfg.data.temperature = 3.0
    with pytest.raises(FileExistsError, match="differs in data"):
        claim(tmp_path / "run", cfg)
