"""What a Gram matrix is taken over."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from mtlx.gradients.parameters import Flat, Path, layers
from mtlx.types import PyTree

GRANULARITIES = ("all", "layer", "last_layer", "representation")


class Cut(NamedTuple):
    """What the Gram matrix is taken over; the default is all shared parameters.

    * "all": G = J J^T over every shared parameter.
    * "layer": one G [L, T, T] for each of the L modules that hold shared parameters,
      each with weights of its own.
    * "last_layer": over the parameters for which `is_last(path)` (GradNorm's W).
    * "representation": over `probes`, zeros that the model adds to its shared
      representation (MGDA-UB); the loss function takes them as second argument.

    `metric` {path: array} is the diagonal of P where G = J P J^T is asked for.

    The last two measure on something small: the cotangents of the tasks are pulled back
    no further than that, and one backward pass of the weighted sum gives the gradient.
    """

    granularity: str = "all"
    is_last: Callable[[Path], bool] = lambda path: False
    probes: PyTree = ()
    metric: Flat | None = None

    def probe_inputs(self) -> Flat:
        """The probes by paths that no parameter has: a module's name is not empty."""
        if self.granularity != "representation":
            return {}
        return {("", str(i)): x for i, x in enumerate(jax.tree.leaves(self.probes))}

    def groups(self, shared: Flat) -> list[list[Path]]:
        """The paths that each Gram matrix is taken over."""
        if self.granularity == "layer":
            return [
                [path for path in shared if path[:-1] == layer]
                for layer in layers(shared)
            ]
        if self.granularity == "last_layer":
            return [[path for path in shared if self.is_last(path)]]
        if self.granularity == "representation":
            return [list(self.probe_inputs())]
        return [list(shared)]
