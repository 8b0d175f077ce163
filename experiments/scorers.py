"""The scorer that `run=` or `artifact=` names."""

from pathlib import Path

from omegaconf import DictConfig

from mtlx.serving.scorer import Scorer


def load_scorer(cfg: DictConfig, sizes: tuple[int, ...]) -> Scorer:
    """A scorer of the run, or of the artifact.

    Raises:
        ValueError: both are named, or neither; and as `load_finished` and
            `load_artifact`.
    """
    if (cfg.run is None) == (cfg.artifact is None):
        raise ValueError(
            f"Expected either run=<folder of a finished run> or artifact=<folder that "
            f"experiments.export wrote>, found run={cfg.run} and "
            f"artifact={cfg.artifact}."
        )
    # Imported where they are used: an artifact is served without models and flax.
    if cfg.artifact is not None:
        from mtlx.serving.artifact import load_artifact

        return load_artifact(Path(cfg.artifact), sizes).scorer
    from experiments.finished import load_finished
    from mtlx.serving.live import live_scorer

    run = load_finished(cfg.run)
    return live_scorer(run.model, run.variables, run.signature, sizes)
