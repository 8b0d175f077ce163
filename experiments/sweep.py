"""How far a sweep has come: which run of how many, and the time left."""

from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class SweepProgress(Callback):
    """Counts the runs of a multirun before the first one starts."""

    total = 1
    found = 0  # runs finished before
    trained = 0
    seconds = 0.0  # that the trained ones took

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        params = config.hydra.sweeper.get("params") or {}
        overrides = [f"{key}={value}" for key, value in params.items()]
        overrides += config.hydra.overrides.task
        loader = GlobalHydra.instance().config_loader()
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(overrides)
        SweepProgress.total = len(BasicSweeper.split_arguments(parsed, None)[0])

    @classmethod
    def place(cls, number: int) -> str:
        """E.g. "[ 3/60]"."""
        return f"[{number + 1:>{len(str(cls.total))}}/{cls.total}]"

    @classmethod
    def left(cls, seconds: float) -> str:
        """Time left after a run of so many, from the mean time of those trained."""
        cls.trained += 1
        cls.seconds += seconds
        runs = max(cls.total - cls.found - cls.trained, 0)
        left = round(cls.seconds / cls.trained * runs)
        return f"{left // 60} min {left % 60:02} s"
