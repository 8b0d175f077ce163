"""The scorers that `run=` or `artifact=` names."""

import functools
from pathlib import Path

from omegaconf import DictConfig

from mtlx.serving.list_scorer import ListScorer
from mtlx.serving.scorer import Scorer


def load_scorer(cfg: DictConfig, sizes: tuple[int, ...]) -> Scorer:
    """A scorer of the run's rows, or what the artifact is a scorer of.

    Raises:
        ValueError: both are named, or neither; and as `load_finished` and
            `load_artifact`.
    """
    _check(cfg)
    # Imported where they are used: an artifact is served without models and flax.
    if cfg.artifact is not None:
        from mtlx.serving.artifact import load_artifact

        return load_artifact(Path(cfg.artifact), sizes).scorer
    from experiments.finished import load_finished
    from mtlx.serving.live import live_scorer

    run = load_finished(cfg.run)
    return live_scorer(run.model, run.variables, run.signature, sizes)


def load_recommender(cfg: DictConfig, sizes: tuple[int, ...]) -> ListScorer:
    """A scorer of the run's queries: lists of the `cfg.top` best items.

    Raises:
        ValueError: no run is named; and as `load_finished` and `make_recommender`.
    """
    _check(cfg)
    if cfg.run is None:
        raise ValueError(
            f"top={cfg.top} expected run=<folder of a finished run>, found the "
            f"artifact {cfg.artifact}, whose lists are as long as they were exported. "
            f"Leave top out, or export the run with top={cfg.top}."
        )
    import jax

    from experiments.finished import load_finished
    from experiments.recommender import make_recommender

    made = make_recommender(load_finished(cfg.run), cfg)
    run = functools.partial(jax.jit(made.answer), made.state)
    return ListScorer(made.signature, run, made.num_items, sizes)


def _check(cfg: DictConfig) -> None:
    if (cfg.run is None) == (cfg.artifact is None):
        raise ValueError(
            f"Expected either run=<folder of a finished run> or artifact=<folder that "
            f"experiments.export wrote>, found run={cfg.run} and "
            f"artifact={cfg.artifact}."
        )
