"""Checkpoints of a run, through Orbax (the only module that imports it)."""

import shutil
from pathlib import Path
from typing import Any

import jax
from jax.experimental import multihost_utils

from mtlx.types import PyTree


class Checkpointer:
    """Saves and restores what a run needs to go on: arrays, and a small JSON record.

    Args:
        folder: where the checkpoints are; made if absent.
        keep: how many of the latest epochs to keep.
        fresh: remove what the folder holds first. Orbax saves no epoch before the
            latest that is there, so a run that starts over needs an empty folder.

    Raises:
        ValueError: square brackets in the path, which Orbax takes for a pattern, so
            that it saves without a word what it cannot restore.
    """

    def __init__(self, folder: Path, keep: int = 1, fresh: bool = False):
        # Imported where it is used: the step must run on an image without Orbax.
        import orbax.checkpoint as ocp

        self._ocp, self._args = ocp, ocp.args
        self.folder = Path(folder).resolve()
        if set("[]") & set(str(self.folder)):
            raise ValueError(
                f"Expected a checkpoint folder without square brackets in its path, "
                f"found {self.folder}. Rename it."
            )
        if fresh and jax.process_index() == 0 and self.folder.exists():
            shutil.rmtree(self.folder)
        # The other processes of the run open the folder after that.
        multihost_utils.sync_global_devices("checkpoint folder")
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True)
        self._manager = ocp.CheckpointManager(self.folder, options=options)

    def latest(self) -> int | None:
        """The last epoch that was saved whole, or None."""
        return self._manager.latest_step()

    def save(self, epoch: int, arrays: PyTree, record: dict[str, Any]) -> None:
        """Starts saving; the arrays may be donated as soon as this returns."""
        self._manager.save(
            epoch,
            args=self._args.Composite(
                arrays=self._args.StandardSave(arrays),
                record=self._args.JsonSave(record),
            ),
        )

    def restore(self, like: PyTree) -> tuple[PyTree, dict[str, Any]]:
        """The latest arrays, in the structure of `like`, and their record.

        Raises:
            FileNotFoundError: nothing was saved in the folder.
        """
        epoch = self._latest_or_raise("Start the run without resume=true first.")
        abstract = jax.tree.map(self._ocp.utils.to_shape_dtype_struct, like)
        restored = self._manager.restore(
            epoch,
            args=self._args.Composite(
                arrays=self._args.StandardRestore(abstract),
                record=self._args.JsonRestore(),
            ),
        )
        return restored["arrays"], restored["record"]

    def restore_selected(self) -> PyTree:
        """The variables of the selected epoch, alone, on this process's first device.

        Neither optimizer nor balancer is asked for, and nothing of theirs is read from
        disk: what serves a model need not know how it was trained, or on what devices.

        Raises:
            FileNotFoundError: nothing was saved in the folder.
        """
        epoch = self._latest_or_raise(
            "Train the run again: what is left of it has no parameters."
        )
        path = self.folder / str(epoch) / "arrays"
        device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        reader = self._ocp.PyTreeCheckpointHandler()
        _, saved = reader.metadata(path).tree
        like = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), saved
        )
        arguments = self._ocp.checkpoint_utils.construct_restore_args(like)
        restored = reader.restore(
            path,
            args=self._args.PyTreeRestore(
                item=[None, like], restore_args=[None, arguments], partial_restore=True
            ),
        )
        reader.close()
        return restored[1]

    def _latest_or_raise(self, remedy: str) -> int:
        epoch = self.latest()
        if epoch is None:
            raise FileNotFoundError(
                f"Expected a checkpoint under {self.folder}, found none. {remedy}"
            )
        return epoch

    def close(self) -> None:
        """Waits until everything is on disk."""
        self._manager.wait_until_finished()
        self._manager.close()
