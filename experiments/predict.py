"""Scores the rows of a file: ``python -m experiments.predict --help``."""

import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from experiments.refusals import told
from experiments.scorers import load_recommender, load_scorer
from experiments.startup import CONF, keep_compiled, quote_paths
from mtlx.data.answer_file import check_output, write_answers


@hydra.main(version_base="1.3", config_path=CONF, config_name="predict")
@told
def main(cfg: DictConfig) -> None:
    """Writes a column of answers a task."""
    keep_compiled()
    predict(cfg)


def predict(cfg: DictConfig) -> Path:
    """Scores what the configuration says; returns the file that it wrote."""
    source = Path(cfg.input)
    output = Path(cfg.output) if cfg.output else _beside(source)
    check_output(output)
    check_explanation(cfg)
    load = load_scorer if cfg.top is None else load_recommender
    scorer = load(cfg, (cfg.batch_size,))
    rows = scorer.signature.preprocessing.read(source)
    answers = scorer(rows)
    write_answers(output, answers)
    count = len(next(iter(answers.values())))
    print(f"{count:,} rows scored for {', '.join(answers)}: {output}")
    if cfg.explain:
        from experiments.explain import explain

        print(explain(cfg, rows, count))
    return output


def _beside(source: Path) -> Path:
    suffix = ".parquet" if source.suffix in (".parquet", ".pq") else ".csv"
    return source.with_suffix(f".predictions{suffix}")


def check_explanation(cfg: DictConfig) -> None:
    """Refuses to explain what has no gradients.

    Raises:
        ValueError: an artifact, or no rows.
    """
    if cfg.explain and (cfg.run is None or cfg.explain_rows < 1 or cfg.top):
        raise ValueError(
            f"explain=true expected run=<folder of a finished run> and explain_rows >= "
            f"1, found run={cfg.run}, explain_rows={cfg.explain_rows} and "
            f"top={cfg.top}; an artifact has neither gradients nor gates, and rows are "
            f"explained, not lists."
        )


if __name__ == "__main__":
    quote_paths()
    sys.exit(main())
