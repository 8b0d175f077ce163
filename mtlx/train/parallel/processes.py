"""One run on several processes or hosts."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
from jax.experimental import multihost_utils


def join_processes(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Joins this process to the others of its run: `jax.devices()` has all of theirs.

    To be called before anything asks for a device; a second call does nothing. Every
    process makes the same calls from then on; files are written by process 0 alone.

    Args:
        coordinator_address: host:port of process 0.
        num_processes: how many there are.
        process_id: number of this one. All three or none: where they are None, JAX
            finds them itself under Slurm, Open MPI, Kubernetes or on a cloud TPU.

    Raises:
        ValueError: some of the three, but not all.
    """
    explicit = (coordinator_address, num_processes, process_id)
    if len({value is None for value in explicit}) > 1:
        raise ValueError(
            f"Expected coordinator_address, num_processes and process_id together, or "
            f"none where the cluster tells them, found {explicit}. Add what is missing."
        )
    if jax.distributed.is_initialized():
        return
    # What CPU devices of several processes talk through; no other device reads it.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(*explicit)


def is_writer() -> bool:
    """Whether this process writes the files of its run, and speaks for it."""
    return jax.process_index() == 0


@contextmanager
def first_process_first() -> Iterator[None]:
    """Process 0 goes through the block alone, then all others do."""
    if not is_writer():
        multihost_utils.sync_global_devices("first process first")
    yield
    if is_writer():
        multihost_utils.sync_global_devices("first process first")
