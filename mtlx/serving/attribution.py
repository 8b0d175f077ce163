"""Which inputs of a row made the output what it is."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.signature import Signature
from mtlx.models.lookup import LOOKUPS, SCALES
from mtlx.types import Array, PyTree

OTHER = "(other)"


class Attribution(NamedTuple):
    """Of N rows and T tasks, on the scale of the model's outputs (logits, values).

    Of a multiclass task the output is that of the class with the largest one.
    """

    tasks: tuple[str, ...]
    inputs: tuple[str, ...]  # names of the C inputs
    values: np.ndarray  # [T, N, C]
    output: np.ndarray  # [T, N]
    baseline: np.ndarray  # [T, N]

    @property
    def gap(self) -> np.ndarray:
        """[T, N]: output - baseline - sum of the attributions; 0 but for the steps."""
        return self.output - self.baseline - self.values.sum(axis=-1)


def integrated_gradients(
    model: nn.Module,
    variables: PyTree,
    signature: Signature,
    features: Mapping[str, Any],
    steps: int = 64,
) -> Attribution:
    """A_c = sum_{i in c} x_i int_0^1 dF/dx_i (a x) da, by the midpoint rule.

    x are the vectors of the ids that a row reads, at every table of the model, and its
    standardised numbers; the baseline is 0: ids that say nothing, numbers at their
    training mean. The attributions of a row add up to F(x) - F(0) (completeness), but
    for the error of the rule, which is `Attribution.gap`. As x_i enters as s_i x_i
    with s = a 1, one derivative for each vector is taken, with respect to its factor.

    What does not go through a vector, as a domain that chooses a layer, is part of F on
    the whole path and gets nothing; positions of a text or history are vectors too and
    stay. An input with more than one value (a bag, a text) gets the sum of them.

    Args:
        model: linen module of `mtlx.models`.
        variables: what `model.apply` takes.
        signature: names the inputs.
        features: of the rows to explain.
        steps: m of the midpoint rule.

    Raises:
        ValueError: no steps.

    Reference: Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML
    2017, equations 1 and 3 (they sum at the right ends of the steps).
    """
    if steps < 1:
        raise ValueError(f"Expected steps >= 1, found {steps}. Mend explain_steps.")
    tasks = tuple(task.name for task in signature.tasks)
    inputs, owners = _owners(model, variables, signature)
    integrate = jax.jit(_integral(model, tasks, steps))
    tables, numbers, output, baseline = jax.device_get(
        integrate(variables, dict(features))
    )
    values = np.zeros((*output.shape, len(inputs)), np.float64)
    for gradient, owner in zip(jax.tree.leaves(tables), owners, strict=True):
        parts = gradient.reshape(*output.shape, -1).astype(np.float64)
        values += parts @ np.eye(len(inputs))[owner]
    if numbers is not None:
        first = len(signature.schema.names)
        values[:, :, first : first + numbers.shape[-1]] += numbers
    used = [name != OTHER or values[..., -1].any() for name in inputs]
    return Attribution(
        tasks=tasks,
        inputs=tuple(np.array(inputs)[used].tolist()),
        values=values[..., used],
        output=output,
        baseline=baseline,
    )


def _integral(
    model: nn.Module, tasks: tuple[str, ...], steps: int
) -> Callable[..., Any]:
    """(variables, features) -> means of gradients along the path, F(x), F(0)."""

    def run(variables, features):
        outputs, collections = model.apply(
            variables, features, train=False, mutable=[LOOKUPS]
        )
        chosen = {task: y.argmax(axis=1) for task, y in outputs.items() if y.ndim == 2}
        rows = len(next(iter(features.values())))
        scales = jax.tree.map(lambda x: jnp.ones(x.shape), collections.get(LOOKUPS, {}))
        numerical = features.get("numerical")
        factors = scales, None if numerical is None else jnp.ones(numerical.shape)

        def value(factors):
            scales, numbers = factors
            read = features
            if numbers is not None:
                read = features | {"numerical": numerical * numbers}
            outputs, _ = model.apply(
                {**variables, SCALES: scales}, read, train=False, mutable=[LOOKUPS]
            )
            return jnp.stack([_of(outputs[task], chosen.get(task)) for task in tasks])

        def at(a):
            _, pull = jax.vjp(value, jax.tree.map(lambda x: a * x, factors))
            each = jnp.eye(len(tasks))[:, :, None]
            return jax.vmap(pull)(jnp.repeat(each, rows, axis=2))[0]

        def add(total, a):
            return jax.tree.map(jnp.add, total, at(a)), None

        zeros = jax.tree.map(jnp.zeros_like, jax.eval_shape(at, 0.0))
        middles = (jnp.arange(steps) + 0.5) / steps
        total, _ = jax.lax.scan(add, zeros, middles)
        mean_tables, mean_numbers = jax.tree.map(lambda x: x / steps, total)
        start = jax.tree.map(jnp.zeros_like, factors)
        return mean_tables, mean_numbers, value(factors), value(start)

    return run


def _of(outputs: Array, chosen: Array | None) -> Array:
    if chosen is None:
        return outputs
    return jnp.take_along_axis(outputs, chosen[:, None], axis=1)[:, 0]


def _owners(
    model: nn.Module, variables: PyTree, signature: Signature
) -> tuple[list[str], list[np.ndarray]]:
    """Names of the inputs, and for each read of a table which input each of its ids is
    of: those that change when the ids of that input alone do."""
    schema, tabular = signature.schema, signature.preprocessing.tabular
    fitted = tabular.inputs.values() if tabular else ()
    numbers = [name for each in fitted for name in each.numbers]
    fields = [field.name for field in schema.fields]
    inputs = [*schema.names, *numbers, *fields, OTHER]
    probes = [*schema.names, *fields]
    features = {
        name: np.zeros((len(probes) + 1, *shape), dtype)
        for name, (shape, dtype) in signature.shapes().items()
    }
    for row, name in enumerate(probes, start=1):
        if name in fields:
            features[name][row] = 1
        else:
            features["categorical"][row, schema.names.index(name)] = 1
    read = jax.jit(
        lambda variables, features: model.apply(
            variables, features, train=False, mutable=[LOOKUPS]
        )[1].get(LOOKUPS, {})
    )
    places = [inputs.index(name) for name in probes]
    ids = jax.tree.leaves(jax.device_get(read(variables, features)))
    return inputs, [_owner(x, places, len(inputs) - 1) for x in ids]


def _owner(ids: np.ndarray, places: list[int], other: int) -> np.ndarray:
    """[ids of a row] places in the list of inputs."""
    ids = ids.reshape(len(ids), -1)
    changed = ids[1:] != ids[:1]
    return np.where(
        changed.any(axis=0), np.array(places)[changed.argmax(axis=0)], other
    )
