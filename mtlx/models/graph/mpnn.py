"""Message passing between the atoms of a molecule."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtlx.models.graph.nnconv import NNConv
from mtlx.models.graph.set2set import Set2Set
from mtlx.types import Array, Field, Float

INPUTS = ("atoms", "positions", "bonds")
BOND_TYPES = 4


class MPNN(nn.Module):
    """x = relu(W a), T times x <- GRU(relu(NNConv(x, e)), x), then set2set(x).

    Every atom hears every other: the features e of a pair are the type of its bond, all
    zeros without one, and the distance in Angstrom. The steps share their weights. It
    takes the place of a row's encoder for any model of tasks with a label a row.

    Args:
        width: units D of an atom.
        hidden: units of the edge network.
        steps: T.
        readout_steps: of `Set2Set`.
        dtype: of the computation; parameters stay float32.
        fields: the inputs, `Schema.fields`: "atoms", "positions" and "bonds" of
            `mtlx.data.qm9`.
        cardinalities, names: of categorical columns, which it cannot read: ().

    Returns:
        [B, 2 D] of features "atoms" [B, N, F], a row of zeros for padding, "positions"
        [B, N, 3] and "bonds" [B, N, N] of types 1 to 4, or 0.

    Raises:
        ValueError: other fields, or categorical columns.

    Reference:
        Gilmer et al., "Neural Message Passing for Quantum Chemistry", ICML 2017; in
        this form PyTorch Geometric's example on QM9, which Navon et al., "Multi-Task
        Learning as a Bargaining Game", ICML 2022, train, with `bottom_widths` = (64,)
        and heads without hidden layers. Initial values of W, R, the GRU and the LSTM
        are linen's, not PyTorch's.
    """

    width: int = 64
    hidden: int = 128
    steps: int = 3
    readout_steps: int = 3
    dtype: Any = None
    fields: tuple[Field, ...] = ()
    cardinalities: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self):
        found = {field.name: field.kind for field in self.fields}
        if found != dict.fromkeys(INPUTS, "graph") or self.cardinalities:
            raise ValueError(
                f"MPNN: expected the fields {', '.join(INPUTS)} of kind 'graph' and no "
                f"categorical columns, found fields {found} and "
                f"{len(self.cardinalities)} columns. For other rows choose another "
                f"encoder."
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, features: Mapping[str, Array], *, train: bool = False
    ) -> Float[Array, "batch units"]:
        del train
        atoms = features["atoms"].astype(jnp.float32)
        mask = jnp.any(atoms != 0, axis=-1)
        edges = mask[:, :, None] & mask[:, None, :]
        edges &= ~jnp.eye(mask.shape[1], dtype=bool)[None]
        pairs = pair_features(features["positions"], features["bonds"])
        options = {"dtype": self.dtype}
        hidden = nn.relu(nn.Dense(self.hidden, name="edge", **options)(pairs))
        x = nn.relu(nn.Dense(self.width, name="embed", **options)(atoms))
        conv = NNConv(self.width, name="conv", **options)
        gru = nn.GRUCell(self.width, name="gru", **options)
        for _ in range(self.steps):
            x, _ = gru(x, nn.relu(conv(x, hidden, edges)))
        readout = Set2Set(self.readout_steps, name="readout", **options)
        return readout(x, mask).astype(jnp.float32)


def pair_features(
    positions: Float[Array, "batch nodes 3"], bonds: Array
) -> Float[Array, "batch nodes nodes 5"]:
    """One-hot type of the bond, and the distance."""
    apart = positions[:, :, None] - positions[:, None]
    distance = jnp.sqrt(jnp.sum(jnp.square(apart), axis=-1, keepdims=True))
    kinds = jax.nn.one_hot(bonds.astype(jnp.int32) - 1, BOND_TYPES)
    return jnp.concatenate([kinds, distance], axis=-1)
