"""What holds for every test.

Eight simulated devices; no silent rank promotion; XLA set to compile fast, not to make
fast programs; and a compilation cache, since many tests compile the same small programs
again and again.
"""

import gc
import os
from pathlib import Path

import jax
import pytest

FLAGS = [
    "--xla_force_host_platform_device_count=8",
    "--xla_cpu_parallel_codegen_split_count=1",
]
if jax.__version_info__ < (0, 11):
    FLAGS.append("--xla_backend_optimization_level=0")
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
else:
    # Newer ones have no other emitters, and at level 0 a scan over convolutions that
    # gives wrong numbers (JAX 0.12.0.1; level 1 and the default give right ones).
    FLAGS.append("--xla_backend_optimization_level=1")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config):
    # Tracing makes millions of small objects that live: looking for cycles among them
    # as often as Python does by default takes a tenth of the time.
    gc.set_threshold(50_000, 10, 10)
    caches = Path(config.rootpath) / ".pytest_cache"
    # Prepared data: apart from the user's, and for each worker that runs at once.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    os.environ["MTLX_CACHE_DIR"] = str(caches / "mtlx" / worker)
    cache = caches / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


@pytest.fixture(autouse=True, scope="module")
def _free_programs():
    """Thousands of live programs exhaust the memory maps that a process may have."""
    yield
    jax.clear_caches()
