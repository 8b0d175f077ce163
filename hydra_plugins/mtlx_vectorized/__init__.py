"""`hydra/launcher=vectorized`: runs that differ in numbers alone are one program.

Hydra finds launchers in the namespace package `hydra_plugins` and imports them all at
every start: what this one does is imported where it is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class VectorizedLauncherConf:
    """Its options.

    Args:
        max_members: most runs in one program; None: what the memory holds.
        devices: over how many devices the runs of a program are spread; None: all, and
            without an accelerator as many as there are cores.
    """

    _target_: str = "hydra_plugins.mtlx_vectorized.VectorizedLauncher"
    max_members: int | None = None
    devices: int | None = None


ConfigStore.instance().store(
    group="hydra/launcher", name="vectorized", node=VectorizedLauncherConf
)


class VectorizedLauncher(Launcher):
    """Groups the jobs of a multirun and trains each group as one population.

    Folders, files and results are those of Hydra's basic launcher. It is made for
    `experiments.train`; see `experiments.vectorized` for what makes a group.
    """

    def __init__(self, max_members: int | None = None, devices: int | None = None):
        self.max_members, self.devices = max_members, devices

    def setup(
        self,
        *,
        hydra_context: HydraContext,
        task_function: TaskFunction,
        config: DictConfig,
    ) -> None:
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        from experiments.vectorized import launch

        setup_globals()
        Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        loader = self.context.config_loader
        configs = []
        for number, overrides in enumerate(job_overrides, initial_job_idx):
            config = loader.load_sweep_config(self.config, list(overrides))
            config.hydra.job.id = config.hydra.job.num = number
            configs.append(config)
        return launch(configs, self.context, self.max_members, self.devices)
