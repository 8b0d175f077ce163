"""Members that train at once: the host's side of one population program."""

import functools
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtlx import tree
from mtlx.data.feed import num_rows
from mtlx.train.compiling import jit
from mtlx.train.inspect import inspect_scores
from mtlx.train.lanes import Lanes
from mtlx.train.member import Member
from mtlx.train.memory import block_size, footprint
from mtlx.train.observers import Start, Watch
from mtlx.train.parallel import (
    Mesh,
    make_mesh,
    member_layout,
    replicate,
    shard_members,
)
from mtlx.train.result import Result
from mtlx.train.shared_data import SharedData
from mtlx.train.state import TrainState
from mtlx.train.working_set import live_bytes
from mtlx.types import Array, PyTree

# A population is saved after the first epoch that ends so many seconds after the last
# saving, or so many times as long as that took: a checkpoint a member adds up.
SAVE_SECONDS = 60.0
SAVE_TIMES = 10.0


class Group(NamedTuple):
    """Members that train at once."""

    lanes: Lanes
    data: SharedData
    members: list[Member]
    numbers: dict[str, Array]
    cut: tuple[int, int]  # chunks of an epoch, steps of a chunk
    epochs: int
    patience: int | None
    mesh: Mesh | None = None  # where the members are spread

    def part(self, which: slice) -> "Group":
        """Some of the members, with their data and numbers."""
        return self._replace(
            data=self.data.part(which),
            members=self.members[which],
            numbers={name: values[which] for name, values in self.numbers.items()},
        )

    def spread(self, devices: int) -> "Group":
        """The members over several devices, each on one of them."""
        members = len(self.members)
        devices = max(d for d in range(1, devices + 1) if members % d == 0)
        if devices == 1:
            return self
        mesh = make_mesh({"data": 1, "member": devices})
        apart = functools.partial(shard_members, mesh=mesh)
        place = apart if self.data.own else functools.partial(replicate, mesh=mesh)
        return self._replace(
            data=self.data.place(place), numbers=apart(self.numbers), mesh=mesh
        )

    def start(self, seeds: Sequence[int], resume: bool) -> tuple[TrainState, PyTree]:
        """(states, variables of the best epochs) to begin with."""
        keys = self._apart(jnp.stack([jax.random.key(seed) for seed in seeds]))
        variables = self._apart(self.lanes.variables(self.numbers, keys))
        states = self._apart(self.lanes.start(self.numbers, keys, variables))
        best = jax.tree.map(jnp.copy, states.variables)
        if not resume:
            return states, best
        return self._apart(_restored(self.members, states, best))

    def _apart(self, tree: PyTree) -> PyTree:
        return tree if self.mesh is None else shard_members(tree, self.mesh)

    def in_blocks(self, start: tuple[TrainState, PyTree]) -> "Group":
        """On a CPU, as many members side by side as the cache of a core holds."""
        if jax.default_backend() != "cpu":
            return self
        run, arguments = self._run(start)
        need = live_bytes(run.trace(*arguments).jaxpr.jaxpr)
        if not self.data.own:
            need -= sum(leaf.nbytes for leaf in jax.tree.leaves(self.data.arrays))
        devices = 1 if self.mesh is None else self.mesh.size
        members = len(self.members) // devices
        size = block_size(members, need // devices)
        if size >= members:
            return self
        return self._replace(lanes=self.lanes.in_blocks(size, self.mesh))

    def compile(self, start: tuple[TrainState, PyTree]):
        """(compiled chunk, bytes it needs)."""
        run, arguments = self._run(start)
        compiled = run.lower(*arguments).compile()
        return compiled, footprint(compiled)

    def _run(self, start: tuple[TrainState, PyTree]) -> tuple[Any, tuple]:
        """The program of a chunk, and what it is first called with."""
        states, _ = start
        order = self._apart(self.lanes.order(states.key, jnp.int32(1)))
        layout = None if self.mesh is None else member_layout(self.mesh)
        run = jit(self.lanes.run, donate_argnums=1, out_shardings=layout)
        return run, (self.numbers, states, self.data.arrays, order, jnp.int32(0))

    def fit(self, program, start, seconds: float, watch: Watch) -> list[Result]:
        """All epochs, and the test."""
        states, best = start
        facts = Start(
            epochs=self.epochs,
            first_epoch=self.members[0].epoch,
            steps_per_epoch=self.cut[0] * self.cut[1],
            batch_size=self.data.feed.batch_size * len(self.members),
            num_parameters=tree.count(states.params) // len(self.members),
            compile_seconds=seconds,
        )
        watch.start(facts, self.cut[0])
        for member in self.members:
            member.start(facts._replace(batch_size=self.data.feed.batch_size))
        states, best = self._train(program, states, best, watch)
        outputs = self._predict(best, self.data.test)
        share = 1.0 / len(self.members)
        return [
            Result.of(
                member.selection,
                self.data.test.score(self.data.tasks, outputs, number),
                state=member.state,
                variables=take(best, number),
                epochs=member.epoch,
                diverged=member.diverged,
                num_parameters=facts.num_parameters,
                compile_seconds=share * seconds,
                train_seconds=share * watch.train_seconds,
                rows_per_second=watch.rows_per_second,
                members=len(self.members),
            )
            for number, member in enumerate(self.members)
        ]

    def _train(self, program, states, best, watch) -> tuple[TrainState, PyTree]:
        saved, took = time.perf_counter(), 0.0
        self._finish(states)
        while not all(member.done for member in self.members):
            epoch = 1 + max(m.epoch for m in self.members if not m.done)
            states, history = self._train_epoch(program, states, epoch, watch)
            outputs = self._predict(states.variables, self.data.validation)
            sums = self._inspect(states.variables)
            step = int(jax.device_get(states.step)[0])
            improved = np.zeros(len(self.members), bool)
            for number, member in enumerate(self.members):
                if not member.done:
                    scores = self.data.validation.score(
                        self.data.tasks, outputs, number
                    )
                    own = {name: values[number] for name, values in history.items()}
                    found = inspect_scores(
                        jax.tree.map(lambda x, n=number: x[n], sums), self.data.tasks
                    )
                    improved[number] = member.take(epoch, step, own, scores, found)
            best = _keep(improved, states.variables, best)
            watch.epoch(epoch, [])
            self._finish(states)
            over = all(member.done for member in self.members)
            now = time.perf_counter()
            if over or now - saved > max(SAVE_SECONDS, SAVE_TIMES * took):
                self._save(states, best)
                saved = time.perf_counter()
                took = saved - now
        return states, best

    def _train_epoch(self, program, states, epoch, watch):
        """One epoch; the metrics of a chunk are read while the next one runs."""
        order = self._apart(self.lanes.order(states.key, jnp.int32(epoch)))
        history, running = [], None
        with watch.training():
            for chunk in range(self.cut[0]):
                states, metrics = program(
                    self.numbers, states, self.data.arrays, order, jnp.int32(chunk)
                )
                if running is not None:
                    history.append(jax.device_get(running))
                    watch.chunk()
                running = metrics
            history.append(jax.device_get(running))
            watch.chunk()
        return states, jax.tree.map(lambda *x: np.concatenate(x, axis=1), *history)

    def _predict(self, variables, split) -> dict[str, np.ndarray]:
        return jax.device_get(self.lanes.apply(self.numbers, variables, split.features))

    def _inspect(self, variables) -> PyTree:
        split = self.data.inspected
        total = jnp.int32(num_rows(split.rows[0]))
        return jax.device_get(
            self.lanes.inspect(self.numbers, variables, split.features, total)
        )

    def _finish(self, states: TrainState) -> None:
        """Members that are done keep their own state: the others train on."""
        for number, member in enumerate(self.members):
            lost = member.selection.exhausted(member.epoch, self.patience)
            if not member.done and (
                member.diverged or lost or member.epoch >= self.epochs
            ):
                member.state = take(states, number)

    def _save(self, states: TrainState, best: PyTree) -> None:
        for number, member in enumerate(self.members):
            if member.checkpointer is None or member.diverged:
                continue
            if member.checkpointer.latest() == member.epoch:
                continue
            state = member.state if member.done else take(states, number)
            record = {"epoch": member.epoch, "selection": member.selection.record()}
            member.checkpointer.save(member.epoch, (state, take(best, number)), record)


def take(stacked: PyTree, number: int) -> PyTree:
    """What belongs to one member, as arrays of its own on the first device."""
    return jax.tree.map(lambda x: _row(x, number), stacked)


def _row(stacked: Array, number: int) -> Array:
    # Read where it lies: an index over devices is an exchange among them, and many
    # such programs at once wait for one another on devices that share a few cores.
    for shard in stacked.addressable_shards:
        first = shard.index[0].start or 0
        if first <= number < first + len(shard.data):
            row = _at(shard.data, number - first)
            return jax.device_put(row, jax.local_devices()[0])
    raise IndexError(f"Expected a member below {len(stacked)}, found {number}.")


def _at(stacked: Array, number: int) -> Array | np.ndarray:
    if jnp.issubdtype(stacked.dtype, jax.dtypes.prng_key) or not _on_host(stacked):
        return stacked[number]
    # A copy: the next step may write where the stack lies. No program is compiled.
    return np.array(np.asarray(stacked)[number])


def _on_host(array: Array) -> bool:
    return all(device.platform == "cpu" for device in array.devices())


@jax.jit
def _keep(improved: Array | np.ndarray, new: PyTree, old: PyTree) -> PyTree:
    """The new values of the members that improved."""

    def choose(new, old):
        where = improved.reshape(-1, *[1] * (new.ndim - 1))
        return jnp.where(where, new, old)

    return jax.tree.map(choose, new, old)


def _restored(
    members: list[Member], states: TrainState, best: PyTree
) -> tuple[TrainState, PyTree]:
    """States, best epochs and the members' records from their checkpoints."""
    parts = []
    for number, member in enumerate(members):
        if member.checkpointer is None:
            raise ValueError(
                "resume=True expected a checkpointer a member, found None."
            )
        like = (take(states, number), take(best, number))
        arrays, record = member.checkpointer.restore(like)
        member.epoch = record["epoch"]
        member.selection = member.selection.restored(None, record["selection"])
        parts.append(arrays)
    epochs = {member.epoch for member in members}
    if len(epochs) > 1:
        raise ValueError(
            f"resume=True expected checkpoints of one epoch, found {sorted(epochs)}. "
            f"Resume the members of each epoch by themselves."
        )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts)
