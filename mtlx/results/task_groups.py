"""Groups of tasks that are best trained together, by their affinities."""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

MOST = 20_000  # candidate groups


class TaskGroups(NamedTuple):
    """Networks to train, and which of them serves each task."""

    groups: tuple[tuple[int, ...], ...]  # tasks trained together, in ascending order
    served_by: tuple[int, ...]  # [T] number of the group whose network serves a task
    affinity: tuple[float, ...]  # [T] mean affinity of the others there onto the task
    score: float  # their sum


def group_tasks(
    affinity: np.ndarray,
    num_groups: int,
    max_size: int | None = None,
    alone: float = 0.0,
) -> TaskGroups:
    """The groups, at most `num_groups`, with the highest summed affinity.

    max  sum_j  mean_{i in S(j), i != j} Z_ij,   S(j) the group that serves task j.

    A task may be a member of several groups, to help the others there, and is served by
    one. The choice is exact: an integer programme over all groups of tasks (facility
    location), solved by branch and bound (HiGHS, by `scipy.optimize.milp`).

    Args:
        affinity: Z [T, T], from task i (row) onto task j (column). Its diagonal, what a
            step on a task does to the task itself, is not read: it is always high.
        num_groups: networks that there is room for when the tasks are served.
        max_size: most tasks of a group; None: any.
        alone: what counts as the affinity onto a task that is trained by itself. With 0
            a task is alone only if every group does it harm, or room is left.

    Raises:
        ValueError: Z is not square or not finite, a number is below 1, the groups have
            not room for all tasks, or there are more than 20,000 possible groups.

    Reference: Fifty et al., TAG, NeurIPS 2021, section 3, "network selection". The
    authors' code gives a task alone an affinity of 1e-6 and takes `num_groups` exactly.

    >>> affinity = np.array([[0, 0.2, -0.1], [0.2, 0, -0.1], [-0.3, -0.3, 0]])
    >>> group_tasks(affinity, 2).groups
    ((0, 1), (2,))
    """
    affinity = np.asarray(affinity, np.float64)
    tasks = len(affinity)
    size = tasks if max_size is None else min(max_size, tasks)
    check_affinity(affinity, num_groups, size)
    _check_number(tasks, size)
    groups = list(_candidates(tasks, size))
    values = [_onto(affinity, group, alone) for group in groups]
    chosen = _solve(groups, values, tasks, num_groups)
    served_by, reached = _serve([groups[n] for n in chosen], affinity, alone)
    used = sorted(set(served_by))
    return TaskGroups(
        groups=tuple(groups[chosen[number]] for number in used),
        served_by=tuple(used.index(number) for number in served_by),
        affinity=reached,
        score=math.fsum(reached),
    )


def _candidates(tasks: int, size: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, size + 1):
        yield from itertools.combinations(range(tasks), count)


def _onto(
    affinity: np.ndarray, group: tuple[int, ...], alone: float
) -> tuple[float, ...]:
    """Mean affinity of the others onto each member."""
    if len(group) == 1:
        return (alone,)
    inside = affinity[np.ix_(group, group)]
    sums = inside.sum(axis=0) - np.diagonal(inside)
    return tuple((sums / (len(group) - 1)).tolist())


def _solve(groups, values, tasks: int, num_groups: int) -> list[int]:
    """Numbers of the chosen groups, in the order of their members.

    Variables: y_S in {0, 1}, group S is trained; x_jS in [0, 1], it serves its member
    j. sum_S x_jS = 1, x_jS <= y_S, sum_S y_S <= num_groups.
    """
    member = np.array([task for group in groups for task in group])
    of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    gain = np.array([value for each in values for value in each])
    count, pairs = len(groups), len(member)
    x = count + np.arange(pairs)
    ones, rows = np.ones(pairs), np.arange(pairs)
    shape = count + pairs
    served = coo_array((ones, (member, x)), (tasks, shape))
    trained = coo_array(
        (np.concatenate([ones, -ones]), (np.tile(rows, 2), np.concatenate([x, of]))),
        (pairs, shape),
    )
    budget = coo_array(
        (np.ones(count), (np.zeros(count, int), np.arange(count))), (1, shape)
    )
    found = milp(
        np.concatenate([np.zeros(count), -gain]),
        integrality=np.arange(shape) < count,
        bounds=Bounds(0.0, 1.0),
        constraints=[
            LinearConstraint(served.tocsr(), 1.0, 1.0),
            LinearConstraint(trained.tocsr(), -np.inf, 0.0),
            LinearConstraint(budget.tocsr(), 0.0, num_groups),
        ],
        options={"mip_rel_gap": 0.0},
    )
    if found.status != 0:
        raise RuntimeError(f"The choice of groups was not solved: {found.message}")
    chosen = np.flatnonzero(found.x[:count] > 0.5).tolist()
    return sorted(chosen, key=lambda number: groups[number])


def _serve(
    groups: list[tuple[int, ...]], affinity: np.ndarray, alone: float
) -> tuple[list[int], tuple[float, ...]]:
    """The best group of each task, and its mean affinity there."""
    best: list[tuple[float, int]] = [(-math.inf, -1)] * len(affinity)
    for number, group in enumerate(groups):
        for task, value in zip(group, _onto(affinity, group, alone), strict=True):
            best[task] = max(best[task], (value, number))
    return [number for _, number in best], tuple(value for value, _ in best)


def check_affinity(affinity: np.ndarray, num_groups: int, size: int) -> None:
    """Refuses what is no affinity of tasks that fit into the groups.

    Raises:
        ValueError: Z is not square or not finite, a number is below 1, or there is not
            room for all tasks.
    """
    tasks = len(affinity)
    if affinity.shape != (tasks, tasks) or not np.isfinite(affinity).all():
        raise ValueError(
            f"Expected finite affinities [T, T], found shape {affinity.shape} with "
            f"{int((~np.isfinite(affinity)).sum())} that are not finite."
        )
    if num_groups < 1 or size < 1 or num_groups * size < tasks:
        raise ValueError(
            f"Expected num_groups >= 1 and max_size >= 1 with room for {tasks} tasks, "
            f"found {num_groups} groups of at most {size}."
        )


def _check_number(tasks: int, size: int) -> None:
    count = sum(math.comb(tasks, members) for members in range(1, size + 1))
    if count > MOST:
        raise ValueError(
            f"Expected at most {MOST} possible groups, found {count} of {tasks} tasks "
            f"in groups of at most {size}. Choose a smaller max_size, or search among "
            f"disjoint groups: groups._target_="
            f"mtlx.results.task_partition.partition_tasks."
        )
