"""Which balancers run on the closed-form problems, and with which settings."""

from typing import Any, NamedTuple

from mtlx import balancers
from mtlx.types import Balancer


class Method(NamedTuple):
    """A row of the table: hyper-parameters where they are not the defaults.

    `rates` multiply the learning rate of the three quadratics, EWQ, CQF and HQF, as in
    the published trajectories; None: not run there, nor in CAGrad's setting.
    """

    settings: dict[str, Any] = {}
    rates: tuple[float, float, float] | None = None


EVEN = (1.0, 1.0, 1.0)
METHODS = {
    "equal": Method({"reduction": "mean"}, EVEN),
    "mgda": Method({}, (2.0, 2.0, 2.0)),
    "pcgrad": Method({}, (0.5, 0.5, 0.5)),
    "cagrad": Method({"c": 0.4}, EVEN),
    "imtl_g": Method({}, (1.0, 1.0, 2.0)),
    "nash_mtl": Method({}, (2.0, 0.5, 20.0)),
    # Published with the weights 1 / T, four times the learning rate.
    "aligned_mtl": Method({}, (2.0, 2.0, 2.0)),
    "upgrad": Method({}, EVEN),
    "dualproj": Method({}, EVEN),
    "config": Method({}, EVEN),
    "fairgrad": Method({"alpha": 2.0}),
    "gradvac": Method(),
    "cagrad_fast": Method({"c": 0.4}),
    "pe_ltr": Method({"lower_bounds": 0.2}),
    "psmgd": Method(),
    "gradnorm": Method(),
    "imtl": Method(),
    "db_mtl": Method(),
    "metabalance": Method(),
    "constant": Method({"weights": (0.7, 0.3)}),
    "dwa": Method({"window": 25}),
    "rlw": Method(),
    "uncertainty": Method(),
    "uw_so": Method(),
    "imtl_l": Method(),
    "scale_invariant": Method(),
    "geometric": Method(),
    "famo": Method({"gamma": 0.0}),
    "go4align": Method(),
    "stch": Method({"variant": "plain"}),
    "pbi": Method(),
    "cosmos": Method(),
    "ldc_mtl": Method(),
    "graddrop": Method(),
    "trimmed_mean": Method(),
    "krum": Method(),
    "moco": Method(),
    "modo": Method(),
    "sdmgrad": Method({"lam": 0.01}),
    "excess_mtl": Method(),
    "db_mtl_ema": Method(),
    "momentum_config": Method(),
}
COMPARED = tuple(name for name, method in METHODS.items() if method.rates)
# What `mtlx.balancers` offers beyond methods, and methods that no two tasks can show.
NOT_RUN: dict[str, str] = {}


def build(name: str, **settings: Any) -> Balancer:
    """The balancer of that name, with the table's settings unless others are given.

    Raises:
        ValueError: `mtlx.balancers` has no such name.
    """
    if name not in balancers.__all__:
        raise ValueError(
            f"Expected the name of a balancer, found {name!r}. Choose from "
            f"{', '.join(balancers.__all__)}."
        )
    return getattr(balancers, name)(**{**METHODS[name].settings, **settings})


def kind(name: str) -> str:
    """What the method looks at: "gram", "losses" or "gradients"."""
    needs = build(name).needs
    if needs & {"grads", "cross_gram"}:
        return "gradients"
    return "gram" if "gram" in needs else "losses"
