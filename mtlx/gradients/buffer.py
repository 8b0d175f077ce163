"""The cotangents of all tasks on their way back, in one array that is reused."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.gradients.program import Var
from mtlx.types import Array

FEWEST, MOST_BLOCKS = 4, 8  # tasks of a block, and blocks where there are enough

Block = Mapping[Var, Array]  # cotangents [b, ...] of some variables


class Buffer(NamedTuple):
    """A row a task: its cotangents of `live`, then its row of every Gram matrix.

    Filled up with zeros to whole blocks of tasks. The Gram matrices are in the array
    too, so that a block of rows is written once, when all that reads it is there: were
    they apart, the compiler would keep a copy of the cotangents, for fear of their
    being overwritten before they are read.
    """

    data: Array  # [blocks * b, width + grams * blocks * b] float32
    live: tuple[Var, ...]
    width: int
    block: int

    @classmethod
    def start(
        cls,
        cotangents: Sequence[Mapping[Var, Array]],
        live: Sequence[Var],
        width: int,
        grams: int,
    ) -> "Buffer":
        """From one mapping of cotangents a task; a variable may be left out.

        Args:
            cotangents: of the boundary.
            live: the variables that any of them has.
            width: entries of the most cotangents that a task will have at once.
            grams: number of Gram matrices.
        """
        count = len(cotangents)
        # Each block reads all cotangents once: few and large ones are faster. What a
        # block holds beside them is a fraction of them.
        blocks = -(-count // max(FEWEST, count // MOST_BLOCKS))
        block = -(-count // blocks)
        rows = blocks * block
        data = jnp.zeros((rows, width + grams * rows), jnp.float32)
        buffer = cls(data, tuple(live), width, block)
        for task, each in enumerate(cotangents):
            for var, ct in each.items():
                row = ct.reshape(1, -1).astype(jnp.float32)
                start = (task, buffer._columns()[var].start)
                data = jax.lax.dynamic_update_slice(data, row, start)
        return buffer._replace(data=data)

    def step(
        self,
        products: Callable[[Block], Mapping[int, Block]],
        advance: Callable[[Block], Block],
        live: Sequence[Var],
    ) -> "Buffer":
        """Adds to the Gram matrices, and takes every block of tasks one step back.

        Args:
            products: block j of cotangents c -> {number of a Gram matrix: K c_j}, of
                which <K c_j, c_i> is added for all later blocks i.
            advance: block -> the cotangents that take its place.
            live: the variables of these.
        """
        after = self._replace(live=tuple(live))

        def at(index, data):
            start = index * self.block
            rows = jax.lax.dynamic_slice_in_dim(data, start, self.block)
            block = self._unpack(rows)
            grams = rows[:, self.width :]
            for number, moved in products(block).items():
                grams = self._add(grams, number, data, self._pack(moved))
            moved = after._pack(advance(block))[:, : self.width]
            rows = jnp.concatenate([moved, grams], axis=1)
            return jax.lax.dynamic_update_slice(data, rows, (start, 0))

        if len(self.data) == self.block:
            return after._replace(data=at(0, self.data))
        blocks = len(self.data) // self.block
        return after._replace(data=jax.lax.fori_loop(0, blocks, at, self.data))

    def gram(self, number: int, num_tasks: int) -> Array:
        """G [T, T], of which only the blocks on and above the diagonal were written."""
        start = self.width + number * len(self.data)
        upper = jnp.triu(self.data[:num_tasks, start : start + num_tasks])
        return upper + jnp.triu(upper, 1).T

    def _add(self, grams: Array, number: int, data: Array, moved: Array) -> Array:
        """Adds <K c_j, c_i> for all tasks i to the rows of the block j."""
        product = jnp.einsum(
            "jn,in->ji", moved, data, precision=jax.lax.Precision.HIGHEST
        )
        start = number * len(data)
        here = slice(start, start + len(data))
        return grams.at[:, here].add(product)

    def _columns(self) -> dict[Var, slice]:
        columns, start = {}, 0
        for var in self.live:
            columns[var] = slice(start, start + size(var))
            start += size(var)
        return columns

    def _unpack(self, rows: Array) -> dict[Var, Array]:
        return {
            var: rows[:, place].reshape(-1, *var.aval.shape).astype(var.aval.dtype)
            for var, place in self._columns().items()
        }

    def _pack(self, block: Block) -> Array:
        """Rows with zeros for the variables that are left out, and for the matrices."""
        parts = [
            block[var].reshape(self.block, -1).astype(jnp.float32)
            if var in block
            else jnp.zeros((self.block, size(var)), jnp.float32)
            for var in self.live
        ]
        used = sum(size(var) for var in self.live)
        parts.append(jnp.zeros((self.block, self.data.shape[1] - used), jnp.float32))
        return jnp.concatenate(parts, axis=1)


def size(var: Var) -> int:
    """Number of entries."""
    return math.prod(var.aval.shape)
