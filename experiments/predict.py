"""Scores the rows of a file: ``python -m experiments.predict --help``."""

import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from experiments.refusals import told
from experiments.scorers import load_scorer
from experiments.startup import CONF, keep_compiled, quote_paths
from mtlx.data.answer_file import check_output, write_answers
from mtlx.data.raw_rows import read_rows


@hydra.main(version_base="1.3", config_path=CONF, config_name="predict")
@told
def main(cfg: DictConfig) -> None:
    """Writes a column of answers a task."""
    keep_compiled()
    predict(cfg)


def predict(cfg: DictConfig) -> Path:
    """Scores what the configuration says; returns the file that it wrote."""
    source = Path(cfg.input)
    output = Path(cfg.output or source.with_suffix(f".predictions{source.suffix}"))
    check_output(output)
    check_explanation(cfg)
    scorer = load_scorer(cfg, (cfg.batch_size,))
    rows = read_rows(source, scorer.kinds)
    answers = scorer(rows)
    write_answers(output, answers)
    count = len(next(iter(answers.values())))
    print(f"{count:,} rows scored for {', '.join(answers)}: {output}")
    if cfg.explain:
        from experiments.explain import explain

        print(explain(cfg, rows))
    return output


def check_explanation(cfg: DictConfig) -> None:
    """Refuses to explain what has no gradients.

    Raises:
        ValueError: an artifact, or no rows.
    """
    if cfg.explain and (cfg.run is None or cfg.explain_rows < 1):
        raise ValueError(
            f"explain=true expected run=<folder of a finished run> and explain_rows >= "
            f"1, found run={cfg.run} and explain_rows={cfg.explain_rows}; an artifact "
            f"has neither gradients nor gates."
        )


if __name__ == "__main__":
    quote_paths()
    sys.exit(main())
