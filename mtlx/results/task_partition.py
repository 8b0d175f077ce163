"""Many tasks in disjoint groups, by their affinities: a search, no exact choice."""

import numpy as np

from mtlx.results.task_groups import TaskGroups, check_affinity

GAIN = 1e-12  # below it a change is rounding


def partition_tasks(
    affinity: np.ndarray,
    num_groups: int,
    max_size: int | None = None,
    alone: float = 0.0,
    starts: int = 100,
    seed: int = 0,
) -> TaskGroups:
    """Disjoint groups, at most `num_groups`, of a high summed affinity.

    max  sum_g W_g / (n_g - 1),   W_g = sum_{i != j in g} Z_ij,   n_g tasks in group g,

    which is the sum over tasks of the mean affinity of the others in its group, as in
    `group_tasks`, where a task is a member of one group alone. From each of many random
    partitions the best move of one task, or exchange of two, is made as long as any
    gains: what comes out has none left, and need not be the best of all. The best of
    the starts is returned. Numbers of tasks do not matter: a step is O(T^2).

    Args:
        affinity, num_groups, max_size, alone: as in `group_tasks`.
        starts: random partitions to begin with.
        seed: of these.

    Raises:
        ValueError: as `group_tasks`, but for the number of possible groups; fewer than
            one start.

    The moves are those of Kernighan and Lin, Bell System Technical Journal 49, 1970,
    without their passes over losing exchanges; the authors of TAG use branch and bound.

    >>> affinity = np.array([[0, 0.2, -0.1], [0.2, 0, -0.1], [-0.3, -0.3, 0]])
    >>> partition_tasks(affinity, 2).groups
    ((0, 1), (2,))
    """
    affinity = np.asarray(affinity, np.float64)
    tasks = len(affinity)
    size = tasks if max_size is None else min(max_size, tasks)
    check_affinity(affinity, num_groups, size)
    if starts < 1:
        raise ValueError(f"Expected starts >= 1, found {starts}.")
    both = affinity + affinity.T
    np.fill_diagonal(both, 0.0)
    rng = np.random.default_rng(seed)
    found = [
        _climb(both, _draw(rng, tasks, num_groups, size), size, alone, num_groups)
        for _ in range(starts)
    ]
    _, of = max(found, key=lambda each: each[0])
    return _as_groups(affinity, of, alone)


def _draw(rng: np.random.Generator, tasks: int, num_groups: int, size: int):
    """[T] group of each task: some of the groups, or all of about one size."""
    of = rng.integers(rng.integers(1, num_groups + 1), size=tasks)
    if np.bincount(of).max() <= size:
        return of
    return rng.permutation(np.arange(tasks) % num_groups)


def _climb(both, of, size: int, alone: float, num_groups: int):
    """The score and [T] groups at which no move and no exchange gains."""
    while True:
        member = np.eye(num_groups)[of]
        ties = both @ member  # [T, g] to and from the members of each group
        inside = 0.5 * (member * ties).sum(axis=0)
        counts = member.sum(axis=0)
        move, gain = _best_move(ties, inside, counts, of, size, alone)
        pair, more = _best_exchange(both, ties, inside, counts, of)
        if max(gain, more) <= GAIN:
            return _value(inside, counts, alone).sum(), of
        of = of.copy()
        if gain >= more:
            of[move[0]] = move[1]
        else:
            of[list(pair)] = of[list(pair[::-1])]


def _value(inside, counts, alone: float):
    """W_g / (n_g - 1); of a single task `alone`, of nothing 0."""
    value = inside / np.maximum(counts - 1, 1)
    return np.where(counts == 1, alone, np.where(counts == 0, 0.0, value))


def _best_move(ties, inside, counts, of, size: int, alone: float):
    """(task, group) and what its going there gains."""
    rows = np.arange(len(of))
    now = _value(inside, counts, alone)
    left = _value(inside[of] - ties[rows, of], counts[of] - 1, alone) - now[of]
    came = _value(inside + ties, np.broadcast_to(counts + 1, ties.shape), alone) - now
    gain = left[:, None] + came
    gain[rows, of] = -np.inf
    gain[:, counts >= size] = -np.inf
    best = np.unravel_index(np.argmax(gain), gain.shape)
    return best, gain[best]


def _best_exchange(both, ties, inside, counts, of):
    """(task, task) and what their changing places gains; no group changes its size."""
    share = 1 / np.maximum(counts - 1, 1)
    mine = ties[np.arange(len(of)), of]
    # Of t and u: u's ties to the group of t, less that to t itself.
    there = ties[:, of].T - both
    change = share[of][:, None] * (there - mine[:, None])
    gain = change + change.T
    gain[of[:, None] == of] = -np.inf
    # A group of one stays one.
    gain = np.where((counts[of] == 1)[:, None] & (counts[of] == 1), -np.inf, gain)
    best = np.unravel_index(np.argmax(gain), gain.shape)
    return best, gain[best]


def _as_groups(affinity: np.ndarray, of: np.ndarray, alone: float) -> TaskGroups:
    groups = sorted(tuple(np.flatnonzero(of == g).tolist()) for g in np.unique(of))
    served, reached = [0] * len(of), [0.0] * len(of)
    for number, group in enumerate(groups):
        for task in group:
            others = [i for i in group if i != task]
            served[task] = number
            reached[task] = float(affinity[others, task].mean()) if others else alone
    return TaskGroups(tuple(groups), tuple(served), tuple(reached), sum(reached))
