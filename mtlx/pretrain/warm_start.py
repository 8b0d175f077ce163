"""Parameters that start from stored values."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mtlx.types import PyTree


def save_start(path: Path, values: Mapping[str, np.ndarray]) -> None:
    """Writes values for `WarmStart` to a safetensors file.

    Args:
        path: of the file; its folder is made.
        values: array of each parameter, under the end of its path, parted by "/".
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in values.items()}, path)


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """Replaces the parameters whose path ends in a stored name by the stored values.

    A model with several encoders (one a task) starts all of them alike.

    Args:
        path: of a file that `save_start` or `experiments.pretrain` wrote.

    Raises:
        FileNotFoundError: no file.
        ValueError: it is no safetensors file; or, at the call, the model has no
            parameter of a stored name, or one of another shape.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "start.safetensors"
    >>> save_start(path, {"text/embedding": np.ones((2, 1), np.float32)})
    >>> params = {"encoder": {"text": {"embedding": jnp.zeros((2, 1))}}}
    >>> WarmStart(str(path))(params)["encoder"]["text"]["embedding"].sum()
    Array(2., dtype=float32)
    """

    path: str

    def __post_init__(self):
        if not Path(self.path).is_file():
            raise FileNotFoundError(
                f"{self.path}: expected a file of starting values, found none. Write "
                f"it with python -m experiments.pretrain, or mend "
                f"trainer.warm_start.path."
            )

    def __call__(self, params: PyTree) -> PyTree:
        return replace(params, self.values(), self.path)

    def values(self) -> dict[str, np.ndarray]:
        """What is stored."""
        try:
            return load_file(self.path)
        except SafetensorError as error:
            raise ValueError(
                f"{self.path}: expected a safetensors file, found another ({error}). "
                f"Write it again."
            ) from error


def replace(params: PyTree, values: Mapping[str, np.ndarray], source: str) -> PyTree:
    """`params` with `values` in the places whose path ends in their names.

    Raises:
        ValueError: a name is the end of no path, or a shape differs.
    """
    flat = traverse_util.flatten_dict(params)
    for name, value in values.items():
        end = tuple(name.split("/"))
        places = [path for path in flat if path[-len(end) :] == end]
        if not places:
            raise ValueError(
                f"{source}: expected the model to have a parameter that ends in "
                f"{name!r}, found none among {sorted('/'.join(p) for p in flat)}. "
                f"Choose the encoder that the values were trained for."
            )
        for path in places:
            if flat[path].shape != value.shape:
                raise ValueError(
                    f"{source}: expected {'/'.join(path)} of shape {value.shape}, as "
                    f"stored, found {flat[path].shape} in the model. Mend the sizes of "
                    f"the encoder, or of data.tokenizer."
                )
            flat[path] = jnp.asarray(value, flat[path].dtype)
    return traverse_util.unflatten_dict(flat)
