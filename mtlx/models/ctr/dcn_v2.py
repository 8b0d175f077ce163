"""Deep & cross network, second version."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.ctr.base import CTRModel
from mtlx.models.ctr.cross_network import CrossNetwork
from mtlx.models.mlp import MLP
from mtlx.types import Array, Float


class DCNv2(CTRModel):
    """y_k = w_k h_k + b_k, h_k = [cross_k(x); MLP_k(x)]; stacked: MLP_k(cross_k(x)).

        x_{l+1} = x_0 * (W_l x_l + b_l) + x_l, x_0 = x = encoder_k(features)

    Args:
        num_crosses: number of cross layers.
        rank: of W_l = U_l V_l^T; None: W_l has full rank.
        stacked: whether the deep part reads the crosses' output, or x beside them.
        tower_widths: layers of the deep part; () for crosses alone.
        tasks, outputs, encoder: see `MultiTaskModel`.
        schema: which columns there are.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Raises:
        ValueError: fewer than one cross layer, or a rank below 1.

    Reference: Wang et al., "DCN V2: improved deep & cross network and practical lessons
    for web-scale learning to rank systems", WWW 2021, equations 1 and 2 and figure 1;
    without the mixture of low-rank experts of its section 3.4.
    """

    num_crosses: int = 3
    rank: int | None = None
    stacked: bool = False
    tower_widths: tuple[int, ...] = (160, 32)

    parts = ("encoder", "cross", "deep", "logit")

    def __post_init__(self):
        if self.num_crosses < 1 or (self.rank is not None and self.rank < 1):
            raise ValueError(
                f"DCNv2: expected num_crosses >= 1 and a rank >= 1 or None, found "
                f"{self.num_crosses} and {self.rank}. Mend model.num_crosses or "
                f"model.rank."
            )
        super().__post_init__()

    @nn.nowrap
    def score(
        self, task: str, features: Mapping[str, Array], train: bool
    ) -> Float[Array, "batch"]:
        x = self.encode(features, train, f"encoder_{task}")
        crossed = CrossNetwork(
            num_layers=self.num_crosses,
            rank=self.rank,
            dtype=self.dtype,
            name=f"cross_{task}",
        )(x)
        widths = self.widths_of(task)
        deep = MLP(widths=widths, name=f"deep_{task}", **self.settings())
        if self.stacked:
            h = deep(crossed, train=train)
        elif widths:
            h = jnp.concatenate([crossed, deep(x, train=train)], axis=1)
        else:
            h = crossed
        return nn.Dense(1, dtype=jnp.float32, name=f"logit_{task}")(h)[:, 0]
