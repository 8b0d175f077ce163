"""Many runs in one compiled program: seeds and numeric hyper-parameters, vmapped."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from mtlx.data.dataset import Dataset
from mtlx.data.feed import make_feed
from mtlx.train.checkpoint import Checkpointer
from mtlx.train.group import Group
from mtlx.train.lanes import Build, make_lanes
from mtlx.train.member import Member
from mtlx.train.memory import group_size, memory_limit
from mtlx.train.observers import Observer, Watch
from mtlx.train.plan import Settings, check_sizes, empty_batch, make_plan
from mtlx.train.result import Result
from mtlx.train.selection import Selection
from mtlx.train.shared_data import SharedData
from mtlx.types import Array


def fit_population(
    build: Build,
    dataset: Dataset | Sequence[Dataset],
    seeds: Sequence[int],
    numbers: Mapping[str, Sequence[float]] | None = None,
    *,
    epochs: int = 10,
    batch_size: int = 1024,
    eval_batch_size: int = 2048,
    patience: int | None = None,
    keep: str = "best",
    observers: Sequence[Observer] = (),
    member_observers: Sequence[Sequence[Observer]] | None = None,
    checkpointers: Sequence[Checkpointer] | None = None,
    resume: bool = False,
    max_members: int | None = None,
    devices: int = 1,
    **settings: Any,
) -> list[Result]:
    """N runs at once; each equals `fit` with its own seed and numbers.

    What differs between members must be a number that the program can take as an
    argument: the seed, a learning rate, a balancer's alpha, a dropout rate, the numbers
    of a `Stream`. A member that diverges or runs out of patience is done: its result is
    that of its own last epoch, and the others do not notice.

    Args:
        build: {name: number} of one member -> `Recipe`; called while tracing, so that
            the numbers are tracers and decide nothing in Python.
        dataset: the data of all members; or one for each, alike in shape, with a
            `Stream` for a training split. The same object for several is held once.
        seeds: N seeds, one a member.
        numbers: {name: N values}.
        epochs, batch_size, eval_batch_size, patience, keep: as in `fit`.
        observers: told of the progress of each group of members.
        member_observers: told of the epochs of each member.
        checkpointers: of each member; saved to when all are done, and every minute
            before. One that diverged keeps what was saved before.
        resume: go on from the checkpointers, all of them at one epoch.
        max_members: most members in one program; None: what the memory holds. More are
            trained group by group.
        devices: over how many devices members are spread, or the most below that which
            divides the number of members.
        settings: further arguments of `fit`, see `mtlx.train.plan.Settings`.

    Returns:
        A `Result` for each member.

    Raises:
        ValueError: no seed; not N values, observers or checkpointers; data sets that
            differ in more than the numbers of a stream.
    """
    check_sizes(epochs=epochs, batch_size=batch_size, eval_batch_size=eval_batch_size)
    numbers = {name: list(values) for name, values in (numbers or {}).items()}
    _check_lengths(
        len(seeds),
        numbers
        | {"member_observers": member_observers, "checkpointers": checkpointers}
        | ({} if isinstance(dataset, Dataset) else {"dataset": dataset}),
    )
    data = SharedData.of(dataset, batch_size, eval_batch_size)
    settings = Settings(**settings)
    lanes = make_lanes(
        build, data.tasks, data.feed, settings, data.own, data.catalogues
    )
    one = build({name: values[0] for name, values in numbers.items()}).model
    members = [
        Member(Selection.start(data.tasks, None, keep, one.untrained()), *own)
        for own in zip(
            member_observers or [()] * len(seeds),
            checkpointers or [None] * len(seeds),
            strict=True,
        )
    ]
    try:
        whole = Group(
            lanes,
            data,
            members,
            {name: jnp.asarray(v, jnp.float32) for name, v in numbers.items()},
            settings.cut(data.feed),
            epochs,
            patience,
        )
        return _fit_parts(whole, seeds, resume, max_members, devices, observers)
    finally:
        for member in members:
            member.end()


def _fit_parts(
    whole: Group,
    seeds: Sequence[int],
    resume: bool,
    max_members: int | None,
    devices: int,
    observers: Sequence[Observer],
) -> list[Result]:
    """The members group after group, as many at once as fit in memory."""
    limit, held = memory_limit(), whole.data.member_bytes
    most = max(1, limit // max(held, 1))
    results, first, size = [], 0, min(max_members or len(seeds), len(seeds), most)
    while first < len(seeds):
        part = slice(first, min(first + size, len(seeds)))
        group = whole.part(part).spread(devices)
        states = group.start(seeds[part], resume)
        begin = time.perf_counter()
        group = group.in_blocks(states)
        program, need = group.compile(states)
        seconds = time.perf_counter() - begin
        need += held * len(group.members)
        fitting = group_size(len(group.members), need, limit)
        if fitting < len(group.members):
            size = fitting
            continue
        watch = Watch(observers)
        try:
            results += group.fit(program, states, seconds, watch)
        finally:
            watch.end()
        first = part.stop
    return results


def traces(
    build: Build,
    dataset: Dataset,
    numbers: Mapping[str, Array],
    *,
    batch_size: int = 1024,
    **settings: Any,
) -> bool:
    """Whether the numbers can be arguments of the program: nothing is compiled.

    Args:
        build, dataset, batch_size: as in `fit_population`.
        numbers: {name: number} of one member.
        settings: the further arguments of `fit`.
    """
    feed = make_feed(dataset.train, batch_size)
    settings = Settings.among(settings)

    def first_step(numbers):
        plan = make_plan(*build(numbers), dataset.tasks, feed, settings)
        return plan.step(plan.init(jax.random.key(0)), empty_batch(feed))

    try:
        jax.eval_shape(first_step, dict(numbers))
    except (jax.errors.JAXTypeError, TypeError):
        return False
    return True


def _check_lengths(members: int, given: Mapping[str, Any]) -> None:
    if not members:
        raise ValueError("Expected at least one seed, found none. Give one a member.")
    for name, values in given.items():
        if values is not None and len(values) != members:
            raise ValueError(
                f"Expected {name} for each of {members} seeds, found {len(values)}."
            )
