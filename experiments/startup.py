"""What every entry point begins with; imports no model code."""

import sys
from pathlib import Path

import jax

from mtlx.data.folders import cache_folder

PATHS = ("run", "artifact", "input", "output")
CONF = str(Path(__file__).resolve().parents[1] / "conf")


def keep_compiled() -> None:
    """Compiled programs are kept in the user's cache folder: paid for once."""
    jax.config.update("jax_compilation_cache_dir", str(cache_folder(None) / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def quote_paths() -> None:
    """Quotes the paths among the command's arguments, as Hydra's grammar asks.

    The folder of a run is named after its overrides, `data=kuairand,seed=0`, in which
    Hydra would see a sweep.
    """
    sys.argv[1:] = [_quoted(argument) for argument in sys.argv[1:]]


def _quoted(argument: str) -> str:
    name, sign, path = argument.partition("=")
    if not sign or name not in PATHS or path[:1] in ("'", '"') or path == "null":
        return argument
    escaped = path.replace("'", "\\'")
    return f"{name}='{escaped}'"
