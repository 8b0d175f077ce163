"""The way back through the trunk, in stretches between two places worth a stop."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.gradients.buffer import size
from mtlx.gradients.program import Var
from mtlx.gradients.sites import Site
from mtlx.gradients.tape import Entry
from mtlx.types import Array


class Segment(NamedTuple):
    """Operations that a block of cotangents goes through without a stop.

    `live` are the variables with cotangents after it. At the stop that it ends with,
    `done` are those of them that are parameters, whose gradients are then complete, and
    `site` reads one of the others.
    """

    entries: list[Entry]  # last one first
    skipped: set[Var]  # what no cotangent is wanted of: the parameter of a site
    live: list[Var]
    done: list[Var]
    site: Site | None

    def run(self, block: Mapping[Var, Array], needed: set[Var]) -> dict[Var, Array]:
        """Cotangents [b, ...] before -> after."""
        found = dict(block)
        (count,) = {len(ct) for ct in block.values()}
        for entry in self.entries:
            arrived = [found.pop(var, None) for var in entry.outputs]
            whole = [
                jnp.zeros((count, *var.aval.shape), var.aval.dtype)
                if ct is None
                else ct
                for var, ct in zip(entry.outputs, arrived, strict=True)
            ]
            pulled = jax.vmap(entry.pull)(whole)
            for var, ct in zip(entry.inputs, pulled, strict=True):
                if var in needed and var not in self.skipped:
                    found[var] = found[var] + ct if var in found else ct
        return {var: found[var] for var in self.live}


def segments(
    entries: Sequence[Entry],
    start: Sequence[Var],
    needed: set[Var],
    parameters: set[Var],
    sites: Mapping[Var, Site],
) -> list[Segment]:
    """Divides the operations that cotangents of `start` go back through.

    Args:
        entries: of the trunk's tape.
        start: boundary variables with cotangents.
        needed: variables that a parameter enters which is measured.
        parameters: those parameters.
        sites: output of an operation -> site.
    """
    first_use = {v: e for e in reversed(entries) for v in e.inputs if v in parameters}
    live = dict.fromkeys(var for var in start if var in needed)
    parts, run, skipped = [], [], set()

    def close(site):
        done = [v for v in live if v in parameters and _complete(v, first_use, passed)]
        parts.append(Segment(list(run), set(skipped), list(live), done, site))
        for var in done:
            del live[var]
        run.clear()
        skipped.clear()

    passed = set()
    for entry in reversed(entries):
        if not any(var in live for var in entry.outputs):
            passed.add(id(entry))
            continue
        site = sites.get(entry.outputs[0])
        if site is not None:
            close(site)
            skipped.add(site.parameter)
        for var in entry.outputs:
            live.pop(var, None)
        run.append(entry)
        passed.add(id(entry))
        targets = [v for v in entry.inputs if v in needed and v not in skipped]
        live.update(dict.fromkeys(targets))
    close(None)
    return parts


def _complete(var: Var, first_use: Mapping[Var, Entry], passed: set[int]) -> bool:
    return var not in first_use or id(first_use[var]) in passed


def width(start: Sequence[Var], parts: Sequence[Segment]) -> int:
    """Entries of the largest set of cotangents that are there at one stop."""
    stops = [start, *(part.live for part in parts)]
    return max(sum(size(var) for var in stop) for stop in stops)
