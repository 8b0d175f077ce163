"""Descent of a balancer on a closed-form problem, from all starts at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtlx import tree
from mtlx.problems.base import Problem
from mtlx.types import Array, Balancer, Direction, Float, PRNGKeyArray, Signals

__all__ = ["Trajectories", "descend", "make_descent"]

PATH = ("x",)  # the one parameter, as the training step would name it
MEASURED = frozenset({"gram", "grads", "cross_gram", "key", "losses_after"})


class Trajectories(NamedTuple):
    """Points that were passed, the start among them: S starts, R records."""

    x: Array  # [S, R + 1, n]
    losses: Array  # [S, R + 1, T]
    weights: Array  # [S, R, T] of the last step before each record but the first
    steps: Array  # [R + 1]


def descend(
    problem: Problem,
    balancer: Balancer,
    optimizer: optax.GradientTransformation,
    steps: int,
    *,
    starts: Float[Array, "starts n"] | None = None,
    key: PRNGKeyArray | None = None,
    record_every: int = 1,
    noise: float = 0.0,
) -> Trajectories:
    """Runs x <- x + optimizer(J^T w) from every start.

    One compiled `lax.scan` over the steps, vmapped over the starts; each has the whole
    state of the balancer and the optimizer to itself. Losses and their Jacobian are
    exact. Called within `jax.enable_x64(True)`, points, losses and the optimizer are in
    float64 and the balancer stays in float32, as in training: the end points of some
    published runs hang on digits of x that float32 does not have.

    Args:
        problem: its losses.
        balancer: decides; gets whatever its `needs` name.
        optimizer: applies.
        steps: number of steps.
        starts: initial points; None takes the problem's.
        key: for balancers that draw, and for the noise; None is `jax.random.key(0)`.
        record_every: keep every so many steps; divides `steps`.
        noise: standard deviation of independent normal noise on every entry of the
            Jacobian; with noise, "cross_gram" is that of two other draws.

    Raises:
        ValueError: `steps` is no multiple of `record_every`, or the balancer needs what
            is not measured here.
    """
    starts = problem.starts if starts is None else starts
    key = jax.random.key(0) if key is None else key
    run = make_descent(problem, balancer, optimizer, steps, record_every, noise)
    passed = jax.jit(run)(starts, jax.random.split(key, len(starts)))
    return Trajectories(*passed, jnp.arange(0, steps + 1, record_every))


def make_descent(
    problem: Problem,
    balancer: Balancer,
    optimizer: optax.GradientTransformation,
    steps: int,
    record_every: int = 1,
    noise: float = 0.0,
) -> Callable[[Array, PRNGKeyArray], tuple[Array, Array, Array]]:
    """The pure function (starts [S, n], keys [S]) -> (x, losses, weights) of `descend`.

    The arguments are those of `descend`, and so are the refusals.
    """
    _check(balancer, steps, record_every)
    tasks = problem.num_tasks
    step = _make_step(problem.losses, tasks, balancer, optimizer, noise)

    def run(x, key):
        state = _State(
            x, optimizer.init(x), _init(balancer, tasks, x), key, jnp.zeros((), int)
        )
        weights = jnp.zeros(tasks, jnp.float32)

        def advance(carry, _):
            # One copy of the step in the program: it takes long to compile.
            carry = jax.lax.fori_loop(0, record_every, lambda _, c: step(c[0]), carry)
            return carry, (carry[0].x, carry[1])

        length = steps // record_every
        _, (points, weights) = jax.lax.scan(advance, (state, weights), length=length)
        points = jnp.concatenate([x[None], points])
        return points, jax.vmap(problem.losses)(points), weights

    return jax.vmap(run)


def _check(balancer: Balancer, steps: int, record_every: int) -> None:
    if record_every < 1 or steps % record_every:
        raise ValueError(
            f"Expected record_every to divide steps, found {record_every} and {steps}."
        )
    if balancer.needs - MEASURED:
        raise ValueError(
            f"Expected a balancer that needs some of {sorted(MEASURED)}, found one "
            f"that needs {sorted(balancer.needs - MEASURED)}."
        )


class _State(NamedTuple):
    x: Array
    optimizer: Any
    balancer: Any
    key: Array
    count: Array


def _init(balancer: Balancer, tasks: int, x: Array):
    shared = ({PATH: _float32(x)},) if "grads" in balancer.needs else ()
    with jax.enable_x64(False):
        return balancer.init(tasks, *shared)


def _make_step(losses_of, tasks, balancer, optimizer, noise) -> Callable:
    """The function state -> (state, weights)."""
    random = "key" in balancer.needs or noise != 0.0

    def measure(x, key):
        losses, pull = jax.vjp(losses_of, x)
        (rows,) = jax.vmap(pull)(jnp.eye(tasks, dtype=x.dtype))

        def draw(number):
            if noise == 0.0:
                return {PATH: rows}
            draws = jax.random.normal(jax.random.fold_in(key, number), rows.shape)
            return {PATH: rows + noise * draws}

        return losses, draw

    def step(state):
        decide_key = noise_key = None
        if random:
            key = jax.random.fold_in(state.key, state.count)
            decide_key, noise_key = jax.random.split(key)
        losses, draw = measure(state.x, noise_key)
        signals = _signals(losses, draw, balancer.needs)
        with jax.enable_x64(False):
            decision, decided = balancer.update(signals, state.balancer, key=decide_key)
        gradient, weights = _direction(decision, draw(0)[PATH])
        updates, optimizer_state = optimizer.update(gradient, state.optimizer, state.x)
        x = optax.apply_updates(state.x, updates)
        if balancer.observe is not None:
            after = _float32(losses_of(x))
            with jax.enable_x64(False):
                decided = balancer.observe(after, decided)
        count = state.count + 1
        return _State(x, optimizer_state, decided, state.key, count), weights

    return step


def _signals(losses: Array, draw: Callable, needs) -> Signals:
    """What the balancer asked for, in float32 as everywhere."""
    tasks = losses.shape[0]
    return Signals(
        losses=_float32(losses),
        gram=tree.gram(draw(0), tasks) if "gram" in needs else None,
        grads=jax.tree.map(_float32, draw(0)) if "grads" in needs else None,
        cross_gram=(
            tree.gram(draw(1), tasks, draw(2)) if "cross_gram" in needs else None
        ),
    )


def _direction(decision, rows: Array) -> tuple[Array, Array]:
    """J^T w, or what the balancer says; and the weights."""
    if isinstance(decision, Direction):
        return decision.gradient[PATH], decision.weights
    return decision @ rows, _float32(decision)


def _float32(values: Array) -> Array:
    return values.astype(jnp.float32)
