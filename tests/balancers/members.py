"""The balancers on losses and Gram matrices, a row a variant, and signals for them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

MEMBERS = (
    ("equal", {}),
    ("equal", {"reduction": "mean"}),
    ("constant", {}),
    ("scale_invariant", {}),
    ("scale_invariant", {"variant": "log1p"}),
    ("geometric", {}),
    ("rlw", {}),
    ("rlw", {"distribution": "dirichlet"}),
    ("uw_so", {}),
    ("imtl_l", {}),
    ("stch", {}),
    ("stch", {"warmup": 0}),
    ("stch", {"variant": "plain"}),
    ("pbi", {}),
    ("cosmos", {}),
    ("famo", {}),
    ("famo", {"second_forward": "next"}),
    ("go4align", {}),
    ("go4align", {"num_groups": 3, "step_size": 0.1}),
    ("ldc_mtl", {}),
    ("ldc_mtl", {"normalise": "initial"}),
    ("ldc_mtl", {"normalise": "log_initial"}),
    ("uncertainty", {}),
    ("dwa", {}),
    ("dwa", {"window": 2}),
    ("gradnorm", {}),
    ("gradnorm", {"initial_losses": 0.7}),
    ("mgda", {}),
    ("mgda", {"normaliser": "loss+"}),
    ("pcgrad", {}),
    ("pcgrad", {"reduction": "mean", "order": "fixed"}),
    ("cagrad", {}),
    ("upgrad", {}),
    ("upgrad", {"norm_eps": 0.0, "ridge": "diagonal"}),
    ("dualproj", {}),
    ("dualproj", {"preference": 0.5}),
    ("nash_mtl", {}),
    ("nash_mtl", {"max_norm": None, "normalise": "none"}),
    ("fairgrad", {}),
    ("fairgrad", {"alpha": 2.0}),
    ("cagrad_fast", {}),
    ("cagrad_fast", {"gradients": 3, "variant": "subset"}),
    ("psmgd", {"period": 2, "decay": 0.5}),
    ("pe_ltr", {"lower_bounds": 0.1}),
    ("every", {"inner": "pcgrad", "period": 3}),
    ("every", {"inner": "gradnorm", "period": 2}),
    ("ema", {"inner": "cagrad"}),
    ("normalise", {"inner": "uncertainty"}),
    ("normalise", {"inner": "cagrad", "kind": "equal_norm"}),
    ("clip", {"inner": "mgda", "lower": 0.1, "upper": 0.6}),
    ("clip", {"inner": "equal", "max_norm": 1.0}),
    ("subsample", {"inner": "gradnorm", "tasks": 2}),
    ("imtl_g", {}),
    ("imtl", {}),
    ("aligned_mtl", {}),
    ("aligned_mtl", {"scale": "median"}),
    ("aligned_mtl", {"scale": "rmse"}),
    ("config", {}),
    ("config", {"length": "harmonic"}),
    ("gradvac", {}),
    ("gradvac", {"ema": "fired"}),
    ("db_mtl", {}),
    ("metabalance", {}),
    ("metabalance", {"strategy": "A"}),
    ("krum", {}),
    ("krum", {"num_byzantine": 0, "num_selected": 2}),
)
ROWS = range(len(MEMBERS))
IDS = [name + "".join(f"-{k}={v}" for k, v in kw.items()) for name, kw in MEMBERS]
# Rows whose weights do not depend on the order of the tasks: PCGrad's order, random or
# listed, is part of the method, RLW draws its weights in the order of the tasks, and
# LDC-MTL compares neighbours; a random choice of tasks goes by their order too.
ORDERED = {"pcgrad", "rlw", "ldc_mtl", "cagrad_fast", "subsample"}
ORDERED |= {"gradvac", "metabalance"}  # as PCGrad; one task is the main one
UNORDERED = [
    row for row in ROWS if not ORDERED & {MEMBERS[row][0], MEMBERS[row][1].get("inner")}
]

HYPERPARAMETERS = (
    ("constant", "weights", ((1.0, 1.0, 1.0), (0.5, 0.0, 2.0))),
    ("uw_so", "temperature", (0.5, 1.0, 20.0)),
    ("imtl_l", "learning_rate", (0.01, 0.1)),
    ("imtl_l", "initial", (-1.0, 1.0)),
    ("stch", "warmup", (0, 2)),
    ("stch", "nadir", ((0.5, 1.0, 2.0), (2.0, 1.0, 0.5))),
    ("pbi", "theta", (0.0, 0.5, 5.0)),
    ("pbi", "preference", ((0.5, 0.2, 0.3), (0.1, 0.2, 0.7))),
    ("pbi", "reference", ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0))),
    ("famo", "min_losses", ((0.0, 0.0, 0.0), (0.1, 0.0, -1.0))),
    ("go4align", "step_size", (1e-4, 1.0)),
    ("ldc_mtl", "penalty", (0.0, 0.1)),
    ("ldc_mtl", "learning_rate", (1e-3, 0.1)),
    ("cosmos", "coefficient", (0.0, 2.0)),
    ("cosmos", "preference", ((0.5, 0.2, 0.3), (0.1, 0.2, 0.7))),
    ("uncertainty", "learning_rate", (0.01, 0.1)),
    ("uncertainty", "initial", (-1.0, 1.0)),
    ("uncertainty", "coefficient", (0.5, 1.0)),
    ("dwa", "temperature", (0.5, 2.0)),
    ("dwa", "window", (1, 2)),
    ("gradnorm", "alpha", (0.0, 1.5)),
    ("gradnorm", "learning_rate", (0.01, 0.1)),
    ("gradnorm", "initial_losses", ((0.5, 1.0, 2.0), (2.0, 1.0, 0.5))),
    ("cagrad", "c", (0.0, 0.5, 3.0)),
    ("upgrad", "reg_eps", (1e-4, 1e-2, 1.0)),
    ("upgrad", "norm_eps", (1e-4, 1e4)),
    ("upgrad", "preference", ((0.5, 0.2, 0.3), (0.1, 0.2, 0.7))),
    ("dualproj", "preference", ((0.5, 0.2, 0.3), (0.1, 0.2, 0.7))),
    ("nash_mtl", "max_norm", (0.1, 1.0, 1e9)),
    ("fairgrad", "alpha", (0.5, 1.0, 5.0)),
    ("psmgd", "period", (1, 2)),
    ("pe_ltr", "lower_bounds", ((0.0, 0.0, 0.0), (0.1, 0.5, 0.2))),
    ("imtl", "learning_rate", (0.01, 0.1)),
    ("imtl", "initial", (-1.0, 1.0)),
    ("aligned_mtl", "preference", ((0.5, 0.2, 0.3), (0.1, 0.2, 0.7))),
    ("metabalance", "relax", (0.0, 0.7, 1.0)),
    ("metabalance", "decay", (0.0, 0.9)),
    ("krum", "num_selected", (1, 2, 3)),
    ("gradvac", "beta", (0.1, 0.5, 1.0)),
)

every_member = pytest.mark.parametrize("row", ROWS, ids=IDS)


def build(row):
    name, kwargs = MEMBERS[row]
    if "inner" in kwargs:  # a wrapper's
        kwargs = {**kwargs, "inner": getattr(balancers, kwargs["inner"])()}
    return getattr(balancers, name)(**kwargs)


@functools.cache
def compiled(row):
    """One jitted update a row, so that tests share what XLA has compiled."""
    return jax.jit(build(row).update)


def signals(tasks, seed=0, rank=None, scale=1.0):
    """Losses and a Gram matrix of given rank, of gradients times `scale`."""
    rng = np.random.default_rng((seed, tasks))
    rows = rng.standard_normal((tasks, 12))
    if rank is not None:
        rows = rng.standard_normal((tasks, rank)) @ rng.standard_normal((rank, 12))
    return Signals(
        losses=jnp.asarray(rng.uniform(0.2, 2.0, tasks), jnp.float32),
        gram=jnp.asarray(rows @ rows.T * scale**2, jnp.float32),
    )


def stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def run(update, state, steps, key=None):
    """Weights of every step, and the last state."""
    weights = []
    for index, step in enumerate(steps):
        folded = jax.random.fold_in(jax.random.key(7) if key is None else key, index)
        new, state = update(step, state, key=folded)
        weights.append(new)
    return jnp.stack(weights), state


def assert_same_types(one, other):
    jax.tree.map(lambda a, b: None, one, other)  # raises where the trees differ
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
