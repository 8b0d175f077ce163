"""Effects of the factors of an ablation, with intervals over seeds."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mtlx.results.bootstrap import bootstrap_interval
from mtlx.results.paired import holm, paired_tests
from mtlx.results.statistics import mean_interval

Factors = Mapping[str, Sequence[str]]  # name -> levels, the reference first


def designs(factors: Factors, design: str) -> list[dict[str, str]]:
    """The combinations of levels that a study runs, the reference first.

    Args:
        factors: name -> levels.
        design: "one_factor", each level alone beside the others' references, or
            "factorial", all combinations.

    Raises:
        ValueError: another design; no factor, or one with fewer than two levels or the
            same one twice.
    """
    for name, levels in factors.items():
        if len(levels) < 2 or len(set(levels)) < len(levels):
            raise ValueError(
                f"Expected two or more levels of {name}, each once, found "
                f"{list(levels)}. The first is the reference."
            )
    if not factors or design not in ("one_factor", "factorial"):
        raise ValueError(
            f"Expected factors and a design, one_factor or factorial, found "
            f"{list(factors)} and {design!r}."
        )
    points = itertools.product(*factors.values())
    every = [dict(zip(factors, levels, strict=True)) for levels in points]
    if design == "factorial":
        return every
    reference = every[0]
    return [
        p for p in every if sum(p[name] != reference[name] for name in factors) <= 1
    ]


def measure_effects(runs: pd.DataFrame, factors: Factors, sign: int) -> pd.DataFrame:
    """Main effects, and interactions of two factors where the design has them.

    The effect of a level is what it gains over its factor's reference, the mean over
    all settings of the other factors that were run with both; that of a pair of levels
    what both gain together beyond the sum of their own gains. Each is a number a seed;
    seeds that lack a run of it are left out.

    Args:
        runs: one row a run: a column a factor, "seed", "value".
        factors: name -> levels, as they were run.
        sign: 1 where a higher value is better, else -1; gains are positive.

    Returns:
        Columns effect, kind ("main", "interaction"), gain, ci95 (half-width of the
        t-interval), low and high (BCa bootstrap), n seeds, p (paired t-test), p_holm
        (over all rows), p_wilcoxon.
    """
    wide = runs.pivot(index=list(factors), columns="seed", values="value")
    keys = [key if isinstance(key, tuple) else (key,) for key in wide.index]
    values = dict(zip(keys, sign * wide.to_numpy(), strict=True))
    rows = []
    for kind, name, gains in _gains(values, factors):
        gains = gains[~np.isnan(gains)]
        mean, half_width, n = mean_interval(gains)
        tests = paired_tests(gains, np.zeros_like(gains))
        bounds = bootstrap_interval(gains)
        p_values = (tests.t, tests.wilcoxon)
        rows.append((name, kind, mean, half_width, *bounds, n, *p_values))
    columns = ["effect", "kind", "gain", "ci95", "low", "high", "n", "p", "p_wilcoxon"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_holm=holm(table["p"]))


def _gains(values: Mapping[tuple, np.ndarray], factors: Factors) -> Iterator:
    """(kind, name, one gain a seed); `values` has levels -> one value a seed."""
    for name, (reference, *levels) in factors.items():
        for level in levels:
            gains = _contrast(values, factors, {name: (level, reference)})
            yield "main", f"{name}={level}", gains
    for (a, of_a), (b, of_b) in itertools.combinations(factors.items(), 2):
        for one, other in itertools.product(of_a[1:], of_b[1:]):
            pair = {a: (one, of_a[0]), b: (other, of_b[0])}
            gains = _contrast(values, factors, pair)
            if gains.size:
                yield "interaction", f"{a}={one} x {b}={other}", gains


def _contrast(
    values: Mapping[tuple, np.ndarray],
    factors: Factors,
    pairs: Mapping[str, tuple[str, str]],
) -> np.ndarray:
    """The sum over the corners of `pairs`, + for its first levels, by seed.

    The mean over the settings of the other factors that have all corners; empty where
    none has.
    """
    corners = list(itertools.product((0, 1), repeat=len(pairs)))
    others = [levels for name, levels in factors.items() if name not in pairs]
    found = []
    for setting in itertools.product(*others):
        total = []
        for corner in corners:
            chosen = {n: pairs[n][i] for n, i in zip(pairs, corner, strict=True)}
            rest = iter(setting)
            key = tuple(chosen[n] if n in pairs else next(rest) for n in factors)
            total.append((-1) ** sum(corner) * values[key] if key in values else None)
        if all(value is not None for value in total):
            found.append(sum(total))
    return np.mean(found, axis=0) if found else np.empty(0)
