"""Writes a run as a file that is served without its code:
``python -m experiments.export --help``."""

import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from experiments.finished import load_finished
from experiments.job import say
from experiments.recommender import make_recommender
from experiments.refusals import told
from experiments.startup import CONF, quote_paths
from mtlx.serving.answers import make_answer
from mtlx.serving.artifact import write_artifact


@hydra.main(version_base="1.3", config_path=CONF, config_name="export")
@told
def main(cfg: DictConfig) -> None:
    """Writes the artifact."""
    export(cfg)


def export(cfg: DictConfig) -> Path:
    """Exports what the configuration says; returns the folder that it wrote."""
    run = load_finished(cfg.run)
    folder = Path(cfg.artifact or run.folder / "artifact")
    made = (tuple(cfg.platforms), run.origin)
    if cfg.top is None:
        answer = make_answer(run.model, run.signature)
        write_artifact(folder, run.signature, answer, run.variables, *made)
    else:
        *lists, num_items = make_recommender(run, cfg)
        write_artifact(folder, *lists, *made, num_items)
    size = sum(path.stat().st_size for path in folder.iterdir())
    say(f"Exported for {', '.join(cfg.platforms)}, {size / 1e6:.1f} MB: {folder}")
    return folder


if __name__ == "__main__":
    quote_paths()
    sys.exit(main())
