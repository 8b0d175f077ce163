"""Made-up run folders, written as the training loop writes them."""

import json
import math
from pathlib import Path

import numpy as np

TASKS = {
    "income": {"kind": "binary", "metrics": ["auc", "log_loss", "accuracy"]},
    "married": {"kind": "binary", "metrics": ["auc", "log_loss", "accuracy"]},
    "age": {"kind": "regression", "metrics": ["rmse", "mae"]},
}
BASE = {"auc": 0.93, "log_loss": 0.21, "accuracy": 0.91, "rmse": 12.5, "mae": 9.1}
HIGHER = {"auc", "accuracy"}


def metrics_of(tasks, quality, rng):
    """Metrics that are `quality` (a fraction) better than `BASE`, with noise."""
    return {
        task: {
            metric: BASE[metric]
            * (1 + (1 if metric in HIGHER else -1) * (quality + rng.normal(0, 1e-3)))
            for metric in facts["metrics"]
        }
        for task, facts in tasks.items()
    }


def curve_lines(tasks, test, epochs, weights):
    lines = ["epoch,step,split,task,metric,value"]
    for epoch in range(1, epochs + 1):
        closer = 1 - 0.3 / epoch
        if weights:  # a balancer that measures the Gram matrix
            head = f"{epoch},{epoch * 50},train,all"
            lines.append(f"{head},cosine,{0.5 / epoch}")
            lines.append(f"{head},conflict,{0.1 * epoch}")
            lines.append(f"{head},worst_descent,nan")
        for task, values in test.items():
            head = f"{epoch},{epoch * 50}"
            lines.append(f"{head},train,{task},loss,{0.5 / epoch}")
            if weights:
                lines.append(f"{head},train,{task},weight,{1 + 0.1 * epoch}")
            lines += [
                f"{head},validation,{task},{metric},{(value or math.nan) * closer}"
                for metric, value in values.items()
            ]
    return lines


class StudyFactory:
    """Writes run folders below `path`."""

    def __init__(self, path: Path):
        self.path = path

    def run(
        self,
        model="mmoe",
        balancer="equal",
        seed=0,
        *,
        quality=0.0,
        data="census_income_sample",
        tasks=TASKS,
        folder=None,
        test=None,
        epochs=4,
        weights=False,
        overrides=(),
        **facts,
    ) -> Path:
        rng = np.random.default_rng([seed, len(model), len(balancer)])
        scores = metrics_of(tasks, quality, rng)
        for task, values in (test or {}).items():
            scores[task] = {**scores[task], **values}
        axes = [f"model={model}", f"balancer={balancer}", f"data={data}"]
        record = {
            "study": self.path.name,
            "model": model,
            "balancer": balancer,
            "data": data,
            "seed": seed,
            "tasks": tasks,
            "test": scores,
            "validation": scores,
            "best_epoch": epochs - 1,
            "epochs": epochs,
            "num_parameters": 10_000 + 100 * len(model),
            "compile_seconds": 2.0,
            "train_seconds": 3.0 + seed,
            "rows_per_second": 1e5,
            "device": "TFRT-cpu",
            "machine": "x86_64, 2 cores",
            "versions": {"python": "3.11.9", "jax": "0.10.2"},
            "overrides": [*axes, f"seed={seed}", *overrides],
            **facts,
        }
        folder = self.path / (folder or f"{data}/{model}/{balancer}/{seed}")
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(record))
        lines = curve_lines(tasks, scores, epochs, weights)
        (folder / "epochs.csv").write_text("\n".join(lines) + "\n")
        return folder

    def unfinished(self, folder: str) -> Path:
        folder = self.path / folder
        (folder / ".hydra").mkdir(parents=True)
        (folder / "epochs.csv").write_text("epoch,step,split,task,metric,value\n")
        return folder


def fill(factory) -> StudyFactory:
    """3 models x 2 balancers x 3 seeds; pcgrad is 1 % better, ple 2 % worse."""
    for model, by_model in (("single_task", 0.0), ("mmoe", 0.01), ("ple", -0.02)):
        for balancer, by_balancer in (("equal", 0.0), ("pcgrad", 0.01)):
            for seed in range(3):
                factory.run(
                    model,
                    balancer,
                    seed,
                    quality=by_model + by_balancer,
                    weights=balancer == "pcgrad",
                )
    return factory
