import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Balancer, Direction, Signals


def signals(seed, tasks=3, present=None, scale=1.0):
    rng = np.random.default_rng((seed, tasks))
    rows = rng.standard_normal((tasks, 5)) * scale
    return Signals(
        losses=jnp.asarray(rng.uniform(0.5, 2.0, tasks), jnp.float32),
        gram=jnp.asarray(rows @ rows.T, jnp.float32),
        present=None if present is None else jnp.asarray(present),
    )


def run(balancer, steps, state=None, key=0):
    """Weights of every step, and the last state."""
    state = balancer.init(steps[0].losses.size) if state is None else state
    found = []
    for index, step in enumerate(steps):
        folded = jax.random.fold_in(jax.random.key(key), index)
        weights, state = balancer.update(step, state, key=folded)
        found.append(np.asarray(weights))
    return np.stack(found), state


def counter(weights=(1.0, 2.0, 4.0)):
    """Weights times the number of calls; notes the losses that it is told after."""

    def init(num_tasks):
        del num_tasks
        return {"calls": jnp.zeros(()), "told": jnp.zeros(())}

    def update(signals, state, *, key=None):
        del key
        calls = state["calls"] + 1
        there = True if signals.present is None else signals.present
        new = jnp.where(there, calls * jnp.array(weights), 0.0)
        return new, {**state, "calls": calls}

    def observe(losses, state):
        return {**state, "told": state["told"] + losses[0]}

    return Balancer(init, update, frozenset({"losses_after"}), observe)


WRAPPERS = (
    ("every", {"period": 1}),
    ("ema", {"decay": 0.0}),
    ("clip", {}),
    ("subsample", {"tasks": 99}),
)


@pytest.mark.parametrize(("name", "kwargs"), WRAPPERS)
@pytest.mark.parametrize("inner", ["gradnorm", "mgda", "dwa"])
def test_with_nothing_to_do_it_is_the_inner_balancer(name, kwargs, inner):
    steps = [signals(seed) for seed in range(4)]
    plain = getattr(balancers, inner)()
    found, _ = run(getattr(balancers, name)(plain, **kwargs), steps)
    np.testing.assert_allclose(found, run(plain, steps)[0], rtol=1e-5, atol=1e-6)


ALL = (
    ("every", {}),
    ("ema", {}),
    ("normalise", {}),
    ("clip", {}),
    ("subsample", {}),
)


@pytest.mark.parametrize(("name", "kwargs"), ALL)
def test_what_the_inner_balancer_needs_and_observes_passes_through(name, kwargs):
    balancer = getattr(balancers, name)(counter(), **kwargs)
    assert balancer.needs >= {"losses_after"}
    _, state = run(balancer, [signals(0)])
    told = balancer.observe(jnp.array([5.0, 1.0, 1.0]), state)
    assert float(getattr(told, "inner", told)["told"]) == 5.0
    assert getattr(balancers, name)(balancers.equal(), **kwargs).observe is None
    shared = getattr(balancers, name)(
        Balancer(lambda tasks, shared: shared, lambda s, state, key=None: (0, state))
    )
    assert getattr(shared.init(3, 7), "inner", shared.init(3, 7)) == 7


@pytest.mark.parametrize(("name", "kwargs"), ALL)
def test_a_direction_is_refused(name, kwargs):
    def update(signals, state, *, key=None):
        return Direction(gradient=jnp.ones(2), weights=signals.losses), state

    balancer = getattr(balancers, name)(Balancer(lambda _: (), update), **kwargs)
    with pytest.raises(ValueError, match=f"'{name}' expected .* returns weights"):
        run(balancer, [signals(0)])


def test_they_nest_and_run_in_scan():
    inner = balancers.every(balancers.uncertainty(), 2)
    balancer = balancers.clip(balancers.ema(inner, 0.5), upper=0.9, max_norm=1.0)
    steps = [signals(seed) for seed in range(5)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *steps)

    def body(state, step):
        return balancer.update(step, state)[::-1]

    found = jax.jit(lambda: jax.lax.scan(body, balancer.init(3), stacked)[1])()
    np.testing.assert_allclose(found, run(balancer, steps)[0], rtol=1e-4)


def test_every_decides_in_the_first_step_of_each_period():
    found, state = run(balancers.every(counter(), 3), [signals(0)] * 8)
    expected = np.outer([1, 1, 1, 2, 2, 2, 3, 3], [1, 2, 4])
    np.testing.assert_array_equal(found, expected)
    assert float(state.inner["calls"]) == 3


@pytest.mark.parametrize("inner", ["pcgrad", "gradnorm", "uncertainty"])
def test_every_is_the_inner_balancer_on_every_kth_step(inner):
    steps = [signals(seed) for seed in range(7)]
    plain = getattr(balancers, inner)()
    found, _ = run(balancers.every(plain, 3), steps)
    state, expected = plain.init(3), []
    for index in (0, 3, 6):
        key = jax.random.fold_in(jax.random.key(0), index)
        weights, state = plain.update(steps[index], state, key=key)
        expected.append(weights)
    np.testing.assert_allclose(found, np.repeat(expected, 3, axis=0)[:7], rtol=1e-5)


def test_every_lets_the_inner_balancer_see_only_the_losses_after_its_own_steps():
    balancer = balancers.every(counter(), 2)
    state, told = balancer.init(3), []
    for step in range(4):
        _, state = balancer.update(signals(0), state)
        state = balancer.observe(jnp.full(3, 10.0**step), state)
        told.append(float(state.inner["told"]))
    assert told == [1.0, 1.0, 101.0, 101.0]


def test_every_decides_anew_for_a_task_without_a_weight_and_keeps_that_of_an_absent():
    all_, first, none = [True] * 3, [True, True, False], [False] * 3
    steps = [signals(0, present=p) for p in (first, first, all_, first, none, all_)]
    found, _ = run(balancers.every(counter(), 3), steps)
    expected = [[1, 2, 0], [1, 2, 0], [2, 4, 8], [2, 4, 0], [0, 0, 0], [2, 4, 8]]
    np.testing.assert_array_equal(found, expected)


def test_every_may_have_a_traced_period():
    steps = jax.tree.map(lambda *x: jnp.stack(x), *[signals(s) for s in range(6)])

    def calls(period):
        balancer = balancers.every(counter(), period)

        def body(state, step):
            return balancer.update(step, state)[1], None

        return jax.lax.scan(body, balancer.init(3), steps)[0].inner["calls"]

    found = jax.vmap(calls)(jnp.array([1, 2, 3, 6, 7]))
    np.testing.assert_array_equal(found, [6, 3, 2, 1, 1])


@pytest.mark.parametrize("initial", [None, 0.5, (0.1, 0.2, 0.3)])
def test_ema_is_the_recurrence(initial):
    steps = [signals(seed) for seed in range(6)]
    inner, _ = run(balancers.mgda(), steps)
    found, _ = run(balancers.ema(balancers.mgda(), 0.9, initial), steps)
    average = inner[0] if initial is None else np.broadcast_to(initial, 3)
    for weights, new in zip(found, inner, strict=True):
        average = 0.9 * average + 0.1 * new
        np.testing.assert_allclose(weights, average, rtol=1e-5)
    if initial is None:
        np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)


def test_ema_keeps_the_average_of_an_absent_task_and_starts_where_a_task_turns_up():
    all_, first = [True] * 3, [True, True, False]
    steps = [signals(0, present=p) for p in (first, all_, first, all_)]
    found, _ = run(balancers.ema(counter((1.0, 1.0, 1.0)), 0.5), steps)
    assert found[:, 0].tolist() == [1.0, 1.5, 2.25, 3.125]
    assert found[:, 2].tolist() == [0.0, 2.0, 0.0, 3.0]


def norm(weights, step):
    weights = np.asarray(weights, np.float64)
    return np.sqrt(weights @ np.asarray(step.gram, np.float64) @ weights)


@pytest.mark.parametrize("scale", [1e-10, 1.0, 1e10])
@pytest.mark.parametrize("inner", ["equal", "pcgrad"])
def test_normalise_scales_to_its_kind(inner, scale):
    step = signals(1, tasks=4, scale=scale)
    plain = getattr(balancers, inner)()
    weights = run(plain, [step])[0][0]
    size = {
        "sum_to_tasks": weights.sum() / 4,
        "sum_to_one": weights.sum(),
        "unit_norm": norm(weights, step),
        "equal_norm": norm(weights, step) / norm(np.ones(4), step),
    }
    for kind, divisor in size.items():
        found = run(balancers.normalise(plain, kind), [step])[0][0]
        np.testing.assert_allclose(found, weights / divisor, rtol=1e-4)


def test_normalise_counts_the_tasks_present_and_never_turns_a_sign():
    balancer = balancers.normalise(counter((-3.0, 1.0, 1.0)))
    found, _ = run(balancer, [signals(0), signals(0, present=[True, True, False])])
    np.testing.assert_allclose(found, [[-1.8, 0.6, 0.6], [-1.5, 0.5, 0]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["unit_norm", "equal_norm"])
def test_normalise_does_not_blow_up_what_float32_cannot_tell_from_zero(kind):
    """g and -g: the direction is 0 and its computed length is rounding."""
    gram = jnp.array([[1.0, -1.0], [-1.0, 1.0]]) * 0.3
    step = Signals(losses=jnp.ones(2), gram=gram)
    found, _ = run(balancers.normalise(balancers.mgda(), kind), [step])
    assert np.isfinite(found).all() and found.max() < 2e3
    step = step._replace(gram=jnp.zeros((2, 2)))
    found, _ = run(balancers.normalise(balancers.mgda(), kind), [step])
    assert np.isfinite(found).all()


def test_normalise_needs_the_gram_matrix_for_a_length_only():
    assert balancers.normalise(balancers.equal()).needs == frozenset()
    balancer = balancers.normalise(balancers.equal(), "unit_norm")
    assert balancer.needs == {"gram"}
    with pytest.raises(ValueError, match="'normalise' expected gram, found None"):
        run(balancer, [Signals(losses=jnp.ones(2))])
    with pytest.raises(ValueError, match="kind to be one of 'sum_to_tasks'"):
        balancers.normalise(balancers.equal(), "sum")


@pytest.mark.parametrize(
    ("lower", "upper"), [(0.0, 2.0), (1.5, jnp.inf), ((0.0, 3.0, 0.0), (0.5, 4.0, 5.0))]
)
def test_clip_is_numpys(lower, upper):
    found, _ = run(
        balancers.clip(counter((-1.0, 1.0, 3.0)), lower, upper), [signals(0)]
    )
    np.testing.assert_allclose(found[0], np.clip([-1.0, 1.0, 3.0], lower, upper))


def test_clip_leaves_absent_tasks_at_zero():
    step = signals(0, present=[True, False, True])
    found, _ = run(balancers.clip(balancers.equal(), lower=2.0), [step])
    np.testing.assert_array_equal(found, [[2, 0, 2]])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_clip_bounds_the_length_of_the_direction(scale):
    step = signals(0, scale=scale)
    plain = norm(np.ones(3), step)
    found, _ = run(balancers.clip(balancers.equal(), max_norm=1.0), [step])
    assert norm(found[0], step) == pytest.approx(min(1.0, plain), rel=1e-5)
    np.testing.assert_allclose(found[0], min(1.0, 1.0 / plain), rtol=1e-5)
    found, _ = run(balancers.clip(balancers.equal(), max_norm=0.0), [step])
    np.testing.assert_array_equal(found, [[0, 0, 0]])


def test_clip_refuses_bounds_of_other_tasks():
    with pytest.raises(ValueError, match="upper to be one number .* of 3"):
        run(balancers.clip(balancers.equal(), upper=(1.0, 2.0)), [signals(0)])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_subsample_shows_so_many_tasks_each_as_often(number):
    balancer = balancers.subsample(balancers.equal(), number)
    step = signals(0, tasks=4, present=[True, True, False, True])
    keys = jax.random.split(jax.random.key(0), 600)
    found = jax.vmap(lambda key: balancer.update(step, (), key=key)[0])(keys)
    np.testing.assert_array_equal(found.sum(1), number)
    assert (np.asarray(found)[:, 2] == 0).all()
    shares = np.asarray(found).mean(0)[[0, 1, 3]]
    np.testing.assert_allclose(shares, number / 3, atol=0.07)


@pytest.mark.parametrize(
    "plain",
    [balancers.mgda(), balancers.pcgrad(order="fixed")],
    ids=["mgda", "pcgrad"],
)
def test_subsample_is_the_inner_balancer_on_the_tasks_drawn(plain):
    step = signals(3, tasks=5)
    for key in range(4):
        drawn = run(balancers.subsample(balancers.equal(), 3), [step], key=key)[0][0]
        found = run(balancers.subsample(plain, 3), [step], key=key)[0][0]
        shown = run(plain, [step._replace(present=jnp.asarray(drawn > 0))])[0][0]
        np.testing.assert_allclose(found, shown, rtol=1e-5, atol=1e-6)


def test_subsample_needs_a_key():
    with pytest.raises(ValueError, match="'subsample' expected key, found None"):
        balancers.subsample(balancers.equal()).update(signals(0), ())
