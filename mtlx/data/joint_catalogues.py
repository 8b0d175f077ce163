"""The catalogues and groups of data sets that are joined."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.catalogue import Catalogue
from mtlx.data.dataset import Dataset
from mtlx.data.feed import num_rows
from mtlx.data.joint_feed import gather_rows
from mtlx.types import Batch

SCORED = ("validation", "test")


class JointGroups:
    """Numbers for the groups of the scored splits, so that no two data sets share one.

    A data set's groups, of both splits, are numbered in their order behind those of the
    data sets before it; one without groups is one.
    """

    def __init__(self, datasets: Mapping[str, Dataset]):
        self._own: dict[str, tuple[int, np.ndarray]] = {}
        self.count = 0
        self.needed = False
        for name, one in datasets.items():
            found = [getattr(one, split).groups for split in SCORED]
            self.needed |= any(groups is not None for groups in found)
            known = [np.zeros(1, np.int64) if g is None else g for g in found]
            own = np.unique(np.concatenate(known))
            self._own[name] = (self.count, own)
            self.count += len(own)

    def of(self, name: str, rows: Batch) -> np.ndarray:
        """[N] the numbers of the rows of a scored split of data set `name`."""
        first, own = self._own[name]
        if rows.groups is None:
            return np.full(num_rows(rows), first)
        return first + np.searchsorted(own, rows.groups)

    def seen(self, name: str, seen: np.ndarray) -> np.ndarray:
        """`Catalogue.seen` by the new numbers; other data sets' groups saw nothing."""
        first, own = self._own[name]
        moved = np.full((self.count, seen.shape[1]), -1, seen.dtype)
        known = own < len(seen)
        moved[first + np.flatnonzero(known)] = seen[own[known]]
        return moved


def joint_catalogue(
    place: int, name: str, catalogue: Catalogue, rows: tuple[Batch, ...], groups
) -> Catalogue:
    """The catalogue of data set `name` with features as joint rows have them.

    Args:
        place: number of the data set.
        name: of the data set.
        catalogue: its own, the features renamed as those of `rows`.
        rows: of each data set some, which tell what features there are.
        groups: of all data sets, `JointGroups`.
    """
    one = [jax.tree.map(lambda x: x[:1], dict(each.features)) for each in rows]
    one[place] = catalogue.features
    splits = tuple(Batch(features, {}, {}) for features in one)
    totals = tuple(len(jax.tree.leaves(features)[0]) for features in one)
    firsts = tuple((np.cumsum(totals) - totals).tolist())
    index = firsts[place] + jnp.arange(catalogue.num_items)
    joint = gather_rows(splits, firsts, totals, index)
    seen = catalogue.seen
    return catalogue._replace(
        features=jax.tree.map(np.asarray, joint.features),
        seen=None if seen is None else groups.seen(name, seen),
    )
