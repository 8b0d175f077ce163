"""Writes a run as a file that is served without its code:
``python -m experiments.export --help``."""

import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from experiments.finished import load_finished
from experiments.job import say
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
    folder = write_artifact(
        Path(cfg.artifact or run.folder / "artifact"),
        run.signature,
        make_answer(run.model, run.signature.tasks),
        run.variables,
        tuple(cfg.platforms),
        run.origin,
    )
    size = sum(path.stat().st_size for path in folder.iterdir())
    say(f"Exported for {', '.join(cfg.platforms)}, {size / 1e6:.1f} MB: {folder}")
    return folder


if __name__ == "__main__":
    quote_paths()
    sys.exit(main())
