"""Deep Bayesian multi-target learning."""

import graphlib
from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.base import MultiTaskModel, TowerWidths
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float

Parents = tuple[tuple[str, tuple[str, ...]], ...]


class DBMTL(MultiTaskModel):
    """y_k = tower_k(r_k), r_k = relation_k([t_k; r_j for j in pa(k)]), t_k = f_k(b(x)).

    A task reads the hidden layers of the tasks it depends on, its parents in a declared
    acyclic graph: P(y_1 .. y_T | x) = prod_k P(y_k | y_pa(k), x). Without parents
    r_k = t_k. The network of a task with descendants trains on their losses too, and is
    shared; a leaf's is its own.

    Args:
        parents: pairs (task, its parents); a task that is not named has none. None:
            all tasks before it are the parents of each, the full chain rule.
        bottom_widths: layers of b.
        task_widths: layers of each f_k.
        relation_widths: layers of each relation_k.
        tasks, outputs, encoder, tower_widths, schema: see `MultiTaskModel`; a linear
            tower, (), as in EasyRec.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: parents of or from a task that there is not, or a circle.

    Reference:
        Wang et al., "Deep Bayesian Multi-Target Learning for Recommender Systems",
        arXiv:1902.09154, in the form of EasyRec: the dependence is on hidden layers,
        not on labels, which are unknown when serving.
    """

    parents: Parents | None = None
    bottom_widths: tuple[int, ...] = (336,)
    task_widths: tuple[int, ...] = (48,)
    relation_widths: tuple[int, ...] = (32,)
    tower_widths: TowerWidths = ()

    def __post_init__(self):
        super().__post_init__()
        graph = self.graph()
        named = {*graph, *(task for above in graph.values() for task in above)}
        if not named <= set(self.tasks):
            raise ValueError(
                f"DBMTL: expected parents to name tasks, found "
                f"{sorted(named - set(self.tasks))}; the tasks are {self.tasks}."
            )
        self.order()

    @nn.nowrap
    def graph(self) -> dict[str, tuple[str, ...]]:
        """task -> its parents."""
        if self.parents is None:
            return {task: self.tasks[:k] for k, task in enumerate(self.tasks)}
        return dict.fromkeys(self.tasks, ()) | dict(self.parents)

    @nn.nowrap
    def order(self) -> tuple[str, ...]:
        """The tasks, each after its parents.

        Raises:
            ValueError: there is none, since the graph has a circle.
        """
        try:
            return tuple(graphlib.TopologicalSorter(self.graph()).static_order())
        except graphlib.CycleError as error:
            raise ValueError(
                f"DBMTL: expected parents without a circle, found "
                f"{' <- '.join(error.args[1])}; take out one of these relations."
            ) from None

    @nn.nowrap
    def leaves(self) -> set[str]:
        """The tasks that are no task's parents."""
        graph = self.graph()
        return set(graph) - {task for above in graph.values() for task in above}

    @nn.nowrap
    def represent(
        self, features: Mapping[str, Array], train: bool
    ) -> dict[str, Float[Array, "batch units"]]:
        x = self.encode(features, train)
        settings, leaves, graph = self.settings(), self.leaves(), self.graph()
        bottom = MLP(widths=self.bottom_widths, name="bottom", **settings)(
            x, train=train
        )
        # What the networks of leaves, and the towers, read of what others share.
        seen_bottom = self.probe("seen_bottom", bottom)
        relations: dict[str, Array] = {}
        seen: dict[str, Array] = {}
        for task in self.order():
            own = task in leaves
            mlp = MLP(widths=self.task_widths, name=f"task_{task}", **settings)
            hidden = mlp(seen_bottom if own else bottom, train=train)
            if graph[task]:
                above = [(seen if own else relations)[name] for name in graph[task]]
                relation = MLP(
                    widths=self.relation_widths, name=f"relation_{task}", **settings
                )
                hidden = relation(
                    jnp.concatenate([hidden, *above], axis=-1), train=train
                )
            relations[task] = hidden
            seen[task] = hidden if own else self.probe(f"seen_{task}", hidden)
        return {task: seen[task] for task in self.tasks}

    @nn.nowrap
    def last_layers(self) -> tuple[tuple[str, ...], ...]:
        if not self.bottom_widths:
            return (("encoder",),)
        return (("bottom", f"dense_{len(self.bottom_widths) - 1}"),)

    @nn.nowrap
    def owners(self) -> dict[tuple[str, ...], str]:
        owners = super().owners()
        for task in self.leaves():
            owners |= {(f"{part}_{task}",): task for part in ("task", "relation")}
        return owners
