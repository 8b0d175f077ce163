"""Where a parameter's part of the Gram matrix comes without its gradients."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from mtlx.gradients.parameters import Path
from mtlx.gradients.program import Var, variables
from mtlx.gradients.site_dot import dot_kernel
from mtlx.gradients.site_gather import gather_kernel
from mtlx.gradients.tape import Tape
from mtlx.gradients.trunk import Operations
from mtlx.types import Array

# These rearrange a parameter's entries: inner products of gradients stay as they are.
_VIEWS = (
    "broadcast_in_dim",
    "convert_element_type",
    "copy",
    "expand_dims",
    "reshape",
    "squeeze",
    "transpose",
)


class Site(NamedTuple):
    """The one operation that reads a parameter."""

    path: Path
    parameter: Var  # or a view of it
    output: Var
    apply: Callable[[Array], Array]  # c [b, ...] -> K c, where G = <c_i, K c_j>


def find_sites(
    operations: Operations, tape: Tape, names: Mapping[Var, Path], num_tasks: int
) -> dict[Var, Site]:
    """Output -> site, for the parameters of `names` that have one that pays."""
    views = _views(operations, names)
    sites = {}
    for eqn in operations.eqns:
        reads = [v for v in variables(eqn.invars) if v in views]
        maker = _MAKERS.get(eqn.primitive.name)
        if len(reads) != 1 or maker is None:
            continue
        apply = maker(eqn, eqn.invars.index(reads[0]), tape.values, num_tasks)
        if apply is not None:
            site = Site(views[reads[0]], reads[0], eqn.outvars[0], apply)
            sites[eqn.outvars[0]] = site
    return sites


def _views(operations: Operations, names: Mapping[Var, Path]) -> dict[Var, Path]:
    """Parameters, and what only rearranges them, that one operation reads."""
    uses = Counter(v for e in operations.eqns for v in variables(e.invars))
    uses.update(operations.boundary + operations.exports)
    views = {var: path for var, path in names.items() if uses[var] == 1}
    for eqn in operations.eqns:
        reads = [v for v in variables(eqn.invars) if v in views]
        if eqn.primitive.name in _VIEWS and reads:
            out = eqn.outvars[0]
            same = math.prod(out.aval.shape) == math.prod(reads[0].aval.shape)
            if same and uses[out] == 1:
                views[out] = views[reads[0]]
    return views


_MAKERS = {"dot_general": dot_kernel, "gather": gather_kernel}
