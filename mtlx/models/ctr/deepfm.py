"""DeepFM."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from mtlx.models.ctr.base import CTRModel
from mtlx.types import Array, Float


class DeepFM(CTRModel):
    """y_k = sum_f w_kf[id_f] + w_k x + sum_{i<j} v_ki v_kj + tower_k([v_k1; ..; v_kM]).

    The M inputs of a row are vectors of one width, which the factorisation machine and
    the deep part share: the table's for an id, x_n a_n + c_n for a number, a projection
    for a field (`FeatureEncoder` with `tokens`). The products of pairs are summed as
    half of |sum_i v_i|^2 - sum_i |v_i|^2. The tower has the bias.

    Args:
        tower_widths: layers of the deep part.
        tasks, outputs, encoder: see `MultiTaskModel`; the encoder is called with
            `tokens=True`.
        schema: which columns there are.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference: Guo et al., "DeepFM: a factorization-machine based neural network for CTR
    prediction", IJCAI 2017, equations 1 to 4. Departure: the vector of a number has an
    offset c_n, there v_n x_n alone.
    """

    tower_widths: tuple[int, ...] = (160, 32)

    parts = ("linear", "slope", "encoder", "tower")

    @nn.nowrap
    def score(
        self, task: str, features: Mapping[str, Array], train: bool
    ) -> Float[Array, "batch"]:
        v = self.encode(features, train, f"encoder_{task}", tokens=True)
        deep = self.towers({task: v.reshape(v.shape[0], -1)}, train)[task]
        return self.linear(task, features) + pair_products(v) + deep


def pair_products(v: Float[Array, "batch inputs width"]) -> Float[Array, "batch"]:
    """sum_{i < j} v_i v_j, in float32.

    >>> pair_products(jnp.array([[[1.0], [2.0], [3.0]]])).tolist()  # 2 + 3 + 6
    [11.0]
    """
    v = v.astype(jnp.float32)
    return 0.5 * jnp.sum(jnp.sum(v, 1) ** 2 - jnp.sum(v**2, 1), axis=1)
