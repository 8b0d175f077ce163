"""The MMoE paper's pair of regression tasks with dialled relatedness."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from mtlx.data.dataset import Dataset, Schema, Stream
from mtlx.data.mmoe_process import (
    MmoeProcess,
    draw_mmoe_weights,
    mmoe_tasks,
    sample_mmoe,
)
from mtlx.tasks import Task

TASKS = mmoe_tasks(2)


def synthetic_mmoe(
    correlation: float = 0.5,
    dim: int = 100,
    c: float = 0.4,
    num_sines: int = 5,
    alpha: Sequence[float] | None = None,
    beta: Sequence[float] | None = None,
    noise_std: float = 0.1,
    eval_rows: int = 10_000,
    steps_per_epoch: int = 100,
    seed: int = 0,
    standardise: bool = True,
) -> Dataset:
    """Two regression tasks whose weight vectors have the cosine `correlation`.

    y_k = w_k' x + sum_{i=1..m} sin(alpha_i w_k' x + beta_i) + e_k,   x ~ N(0, I).

    The training split is a `Stream`: fresh rows at each step, drawn on the device.

    Args:
        correlation: p, the cosine of w_1 and w_2, -1 to 1; the paper takes .5, .9, 1.
        dim: d, number of inputs.
        c: norm of w_k.
        num_sines: m.
        alpha: m frequencies; None means 4 i.
        beta: m phases; None means i.
        noise_std: standard deviation of e_k.
        eval_rows: rows of the validation and of the test split.
        steps_per_epoch: training steps that count as an epoch.
        seed: draws the weight vectors and the two evaluation splits.
        standardise: divide the labels by their standard deviation.

    Returns:
        A `Dataset` with features {"numerical": [B, dim]}, labels [B] of "task_1" and
        "task_2".

    Raises:
        ValueError: a value out of its range, or not m frequencies or phases.

    Reference: Ma et al., "Modeling Task Relationships in Multi-task Learning with
    Multi-gate Mixture-of-Experts", KDD 2018, section 3.2. The paper prints neither c,
    m, alpha nor beta. The defaults reproduce its Figure 2 (correlation of the labels
    by p) to .01; the settings of other codebases, alpha and beta ~ N(0, 1), do not,
    and with them every architecture does equally well. That labels are standardised is
    inferred from the initial losses of the paper's Figure 3.
    """
    _check(correlation, dim, num_sines, alpha, beta)
    steps = jnp.arange(1, num_sines + 1, dtype=jnp.float32)
    alpha = 4.0 * steps if alpha is None else jnp.asarray(alpha, jnp.float32)
    beta = steps if beta is None else jnp.asarray(beta, jnp.float32)
    key, validation_key, test_key = jax.random.split(jax.random.key(seed), 3)
    weights = draw_mmoe_weights(key, correlation, dim, c)
    process = MmoeProcess.of(weights, c, alpha, beta, noise_std, standardise)
    return Dataset(
        name="synthetic_mmoe",
        tasks=tuple(Task(name, "regression") for name in TASKS),
        schema=Schema(numericals=dim),
        train=Stream(sample_mmoe, steps_per_epoch, process),
        validation=sample_mmoe(process, validation_key, eval_rows),
        test=sample_mmoe(process, test_key, eval_rows),
    )


def _check(correlation, dim, num_sines, alpha, beta) -> None:
    if not -1.0 <= correlation <= 1.0:
        raise ValueError(
            f"synthetic_mmoe: expected correlation between -1 and 1 (it is a cosine), "
            f"found {correlation}."
        )
    if dim < 2:
        raise ValueError(
            f"synthetic_mmoe: expected dim >= 2 (two orthogonal vectors), found {dim}."
        )
    for name, values in (("alpha", alpha), ("beta", beta)):
        if values is not None and len(values) != num_sines:
            raise ValueError(
                f"synthetic_mmoe: expected num_sines = {num_sines} values of {name}, "
                f"found {len(values)}. Give one value a sine, or set num_sines."
            )
