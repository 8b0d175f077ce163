"""A layer whose kernels, of all tasks, are one tensor of low rank."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from mtlx.models.layer import Layer
from mtlx.types import Array, Float

INIT = nn.initializers.lecun_normal()


class Tucker(Layer):
    """h_k = relu(W_k x_k + b_k), W_k = sum_{pqr} S_pqr U1_p (x) U2_q U3_kr.

    The kernels W [inputs, units, T] in Tucker form. U1, U2 and the core S are shared;
    the row U3_k, `factor_{task}`, and the bias are task k's own. No W_k is formed:
    x U1, then S, then U3_k, then U2.

    Args:
        tasks: names of the tasks.
        width: units of the layer.
        ranks: (r1, r2, r3) of the inputs, the units and the tasks.
        probed: whether what the shared factors make is a probe, see `Layer.probe`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Returns:
        {task: [B, units]} of {task: x_k [B, D]}.

    Reference:
        Yang and Hospedales, "Deep Multi-task Representation Learning: A Tensor
        Factorisation Approach", ICLR 2017 (Tucker form); the baseline of Ma et al.,
        KDD 2018, section 6. U3 starts around 1: around 0 a product of four small
        factors would hardly train.
    """

    tasks: tuple[str, ...]
    width: int
    ranks: tuple[int, int, int]
    probed: bool = False

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, Float[Array, "batch inputs"]],
        *,
        train: bool = False,
    ) -> dict[str, Float[Array, "batch units"]]:
        x = jnp.stack([inputs[task] for task in self.tasks], axis=1)
        p, q, r = self.ranks
        u1 = self.param("inputs", INIT, (x.shape[-1], p), jnp.float32)
        u2 = self.param("units", INIT, (q, self.width), jnp.float32)
        core_init = nn.initializers.lecun_normal(in_axis=(0, 2), out_axis=1)
        core = self.param("core", core_init, (p, q, r), jnp.float32)
        around_one = nn.initializers.truncated_normal(0.5)
        u3 = jnp.stack(
            [
                self.param(f"factor_{task}", lambda *a: 1.0 + around_one(*a), (r,))
                for task in self.tasks
            ]
        )
        x, u1, u2, u3, core = promote_dtype(x, u1, u2, u3, core, dtype=self.dtype)
        cores = jnp.einsum("pqr,kr->kpq", core, u3)
        z = jnp.einsum("bki,ip,kpq,qo->bko", x, u1, cores, u2, optimize="optimal")
        z = self.probe("shared", z) if self.probed else z

        def finish(index, task):
            bias = self.param(f"bias_{task}", nn.initializers.zeros, (self.width,))
            name = f"activate_{task}"
            own = Activate(name=name, **self.settings())
            return own(z[:, index] + bias.astype(z.dtype)[None], train=train)

        return {task: finish(index, task) for index, task in enumerate(self.tasks)}


class Activate(Layer):
    """dropout(activation(norm(z))), with norm parameters of its own."""

    @nn.compact
    def __call__(
        self, z: Float[Array, "batch units"], *, train: bool = False
    ) -> Float[Array, "batch units"]:
        return self.nonlinearity(z, 0, train=train)
