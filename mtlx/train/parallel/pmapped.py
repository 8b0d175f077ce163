"""One program a device, by `jax.pmap`."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from mtlx.train.parallel.per_device import PerDevice


class Pmapped(PerDevice):
    """`PerDevice` by `jax.pmap`: along "data" alone, in one process."""

    def compile(self, run: Callable[..., Any], state: Any, *args: Any) -> Callable:
        def numbered(state, number, *args):
            del number
            return run(state, *args)

        mapped = jax.pmap(
            numbered,
            axis_name="data",
            in_axes=(None, 0, *[None] * len(args)),
            out_axes=None,
            donate_argnums=0,
            devices=list(self.mesh.devices.flat),
        )
        # State, feed and metrics are the same on all devices, and pmap wants something
        # that is not.
        numbers = np.arange(self.mesh.size, dtype=np.int32)
        compiled = mapped.lower(state, numbers, *args).compile()
        return lambda state, *args: compiled(state, numbers, *args)
