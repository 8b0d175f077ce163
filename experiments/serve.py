"""Answers JSON over HTTP: ``python -m experiments.serve --help``."""

import sys

import hydra
from omegaconf import DictConfig

from experiments.refusals import told
from experiments.scorers import load_scorer
from experiments.startup import CONF, keep_compiled, quote_paths


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
    scorer = load_scorer(cfg, tuple(cfg.sizes))
    app = make_app(scorer, cfg.max_rows, cfg.max_wait_ms / 1000, cfg.max_request_rows)
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
