"""Every architecture is one program for any number of rows, as export needs it."""

import jax
import jax.numpy as jnp
from jax import export


def test_the_number_of_rows_may_be_a_symbol(build, features):
    model = build()
    (rows,) = export.symbolic_shape("rows")
    any_rows = {
        name: jax.ShapeDtypeStruct((rows, *x.shape[1:]), x.dtype)
        for name, x in features.items()
    }
    outputs, _ = jax.eval_shape(model.init_with_output, jax.random.key(0), any_rows)
    for task, count in zip(model.tasks, model.outputs, strict=True):
        assert outputs[task].shape == ((rows,) if count == 1 else (rows, count))
        assert outputs[task].dtype == jnp.float32
