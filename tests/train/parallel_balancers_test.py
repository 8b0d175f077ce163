"""Every strategy makes the updates of one device, for every balancer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import models, train
from mtlx.data.feed import resident
from mtlx.gradients import split
from mtlx.train import init_state, make_step
from mtlx.train.parallel import STRATEGIES, make_parallel, state_layout
from mtlx.train.state import step_key
from tests.train.ensemble import every_balancer, make_decide, told

ROWS, STEPS = 48, 20  # 48 rows: 8 devices x 2 halves or 3 thirds
MEMBERS = every_balancer()
AHEAD = [name for name, rule in MEMBERS.items() if "lookahead" in rule.needs]
APART = [name for name, rule in MEMBERS.items() if "cross_gram" in rule.needs]
OTHERS = [name for name in MEMBERS if name not in (*AHEAD, *APART)]
# One backward pass of a weighted sum; a solver on the Gram matrix; a direction.
WHOLE = ("equal", "pcgrad", "graddrop")


def _before_norm(params):
    def is_idle(path, _):
        return jax.tree_util.keystr(path) == "['bottom']['dense_0']['bias']"

    return jax.tree_util.tree_map_with_path(is_idle, params)


# A bias before BatchNorm has a gradient of rounding errors alone, which Adam divides by
# their own size into steps of full length: it stays where it is.
OPTIMIZER = optax.chain(
    optax.adam(0.01), optax.masked(optax.set_to_zero(), _before_norm)
)


def make_model(dataset, dropout_rate=0.2, norm="batch"):
    return train.build_model(
        functools.partial(
            models.SharedBottom,
            bottom_widths=(8,),
            tower_widths=(),
            norm=norm,
            dropout_rate=dropout_rate,
        ),
        functools.partial(models.FeatureEncoder, embedding_dim=2),
        dataset,
    )


@pytest.fixture(scope="module")
def feed(dataset):
    return resident(dataset.train, ROWS)


@pytest.fixture(scope="module")
def order():
    """[S, B] numbers of rows."""
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(256)[:ROWS] for _ in range(STEPS)]).astype("int32")


def place(state, devices, **options):
    """A state laid out over the devices; the strategy of one device has no mesh."""
    # A copy: what a program takes, its first device may share with the original.
    state = jax.tree.map(jnp.copy, state)
    if not hasattr(devices, "mesh"):
        return state
    layout = state_layout(state, devices.mesh, fsdp=devices.fsdp, **options)
    return jax.device_put(state, layout)


class Decided:
    """Members whose decisions are compiled once, for all strategies."""

    def __init__(self, dataset, feed, order, names, apart):
        self.tasks, self.feed, self.order = dataset.tasks, feed, order
        self.model, self.rule = make_model(dataset), told(apart)
        members = {name: MEMBERS[name] for name in names}
        start, self.decide, self.observe = make_decide(members)
        batch = feed.fetch(feed.arrays, order[0])

        def init():
            # `init_state` would start the rule without the shared parameters.
            plain = MEMBERS["equal"]
            state = init_state(self.model, OPTIMIZER, plain, batch, jax.random.key(0))
            shared = split(state.params, self.model.owner)[0]
            state = state._replace(balancer_state=self.rule.init(3, shared))
            stacked = jax.tree.map(lambda x: jnp.stack([x] * len(names)), state)
            return stacked, start(3, shared)

        self.state, self.states = jax.jit(init)()

    def trajectory(self, strategy):
        """Parameters and statistics of all members after S steps, and all losses."""
        devices = make_parallel(strategy, batch_size=ROWS, needs=self.rule.needs)
        step = make_step(
            self.model, self.tasks, OPTIMIZER, self.rule, 5, axis=devices.axis
        )
        feed = devices.place_feed(self.feed)

        def run(state, arrays, x):
            batch = devices.fetch(feed, arrays, x)
            return jax.vmap(step, in_axes=(0, None))(state, batch)

        state, states = place(self.state, devices, members=True), self.states
        told_layout = jax.tree.map(lambda x: x.sharding, state.balancer_state.decision)
        compiled = devices.compile(run, state, feed.arrays, self.order[0])
        copy = jax.jit(functools.partial(jax.tree.map, jnp.copy))
        losses = []
        for number, x in enumerate(self.order):
            key = jax.random.split(step_key(jax.tree.map(lambda x: x[0], state)))[1]
            shown, _ = compiled(copy(state), feed.arrays, x)
            seen = jax.device_get(shown.balancer_state)
            key = jax.random.wrap_key_data(np.asarray(jax.random.key_data(key)))
            decision, states = self.decide(states, seen, jnp.int32(number // 5), key)
            decision = jax.device_put(jax.device_get(decision), told_layout)
            balancer_state = state.balancer_state._replace(decision=decision)
            state = state._replace(balancer_state=balancer_state)
            state, _ = compiled(state, feed.arrays, x)
            if self.rule.observe is not None:
                after = np.asarray(state.balancer_state.after)
                states = self.observe(states, after)
            losses.append(seen.losses)
        return jax.device_get((state.params, state.model_state, losses))


class Compiled:
    """Members that decide inside the program of S steps."""

    def __init__(self, dataset, feed, order):
        self.tasks, self.feed, self.order = dataset.tasks, feed, order
        batch = feed.fetch(feed.arrays, order[0])
        # Those that look ahead differentiate twice what dropout and BatchNorm add. MOML
        # has to have BatchNorm here: without it 0 lies in the hull of the tasks' hyper-
        # gradients, and its Adam makes full steps of the rounding errors around it.
        models = {name: make_model(dataset) for name in WHOLE}
        models |= {name: make_model(dataset, 0.0) for name in AHEAD}
        self.models = models | {"forum": make_model(dataset, 0.0, "none")}

        def init():
            return {
                name: init_state(
                    model, OPTIMIZER, MEMBERS[name], batch, jax.random.key(0)
                )
                for name, model in self.models.items()
            }

        self.states = jax.jit(init)()

    def trajectory(self, strategy):
        devices, steps = {}, {}
        for name, model in self.models.items():
            rule = MEMBERS[name]
            here = make_parallel(strategy, batch_size=ROWS, needs=rule.needs)
            step = make_step(model, self.tasks, OPTIMIZER, rule, 5, axis=here.axis)
            devices[name], steps[name] = here, step
        one = devices["equal"]
        feed = one.place_feed(self.feed)

        def run(states, arrays, order):
            def all_steps(states, x):
                moved = {
                    name: step(states[name], devices[name].fetch(feed, arrays, x))
                    for name, step in steps.items()
                }
                losses = {name: metrics["loss"] for name, (_, metrics) in moved.items()}
                return {name: state for name, (state, _) in moved.items()}, losses

            return jax.lax.scan(all_steps, states, order)

        states = {name: place(state, one) for name, state in self.states.items()}
        compiled = one.compile(run, states, feed.arrays, self.order)
        states, losses = compiled(states, feed.arrays, self.order)
        variables = {name: state.variables for name, state in states.items()}
        return jax.device_get((variables, losses))


@pytest.fixture(scope="module", params=["others", "apart", "compiled"])
def group(request, dataset, feed, order):
    """A group of balancers, and its trajectories on one device."""
    if request.param == "compiled":
        members = Compiled(dataset, feed, order)
    else:
        apart = request.param == "apart"
        members = Decided(dataset, feed, order, APART if apart else OTHERS, apart)
    return members, members.trajectory(None)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_balancer_moves_as_on_one_device(group, strategy):
    members, expected = group
    found = members.trajectory(strategy)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    pairs = zip(
        jax.tree_util.tree_leaves_with_path(found),
        jax.tree.leaves(expected),
        strict=True,
    )
    for (path, a), b in pairs:
        where = jax.tree_util.keystr(path)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=where)
