"""Answers JSON over HTTP: ``python -m experiments.serve --help``."""

import sys

import hydra
from omegaconf import DictConfig

from experiments.refusals import told
from experiments.scorers import load_recommender, load_scorer
from experiments.startup import CONF, keep_compiled, quote_paths
from mtlx.serving.list_scorer import ListScorer


@hydra.main(version_base="1.3", config_path=CONF, config_name="serve")
@told
def main(cfg: DictConfig) -> None:
    """Serves until it is interrupted or terminated."""
    keep_compiled()
    serve(cfg)


def serve(cfg: DictConfig) -> None:
    """Serves what the configuration says.

    Raises:
        ValueError: the packages for it are not installed, and as `load_scorer`.
    """
    try:
        import uvicorn

        from mtlx.serving.app import make_app
    except ModuleNotFoundError as error:
        raise ValueError(
            f"Expected FastAPI and uvicorn, found no package {error.name}. Install "
            f"the extra: pip install 'mtlx[serve]'."
        ) from error
    scorer, recommender = load_scorer(cfg, tuple(cfg.sizes)), None
    if isinstance(scorer, ListScorer):  # an artifact of lists
        scorer, recommender = None, scorer
    if cfg.top is not None:
        recommender = load_recommender(cfg, tuple(cfg.sizes))
    limits = (cfg.max_rows, cfg.max_wait_ms / 1000, cfg.max_request_rows)
    app = make_app(scorer, *limits, recommender)
    # Requests under way are answered before the process ends.
    uvicorn.run(
        app,
        host=cfg.host,
        port=cfg.port,
        access_log=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    quote_paths()
    sys.exit(main())
