"""Who takes part in W1 and W2: mtlx, the libraries, and a plain PyTorch loop."""

from typing import Any

from benchmarks.comparison import Entry
from benchmarks.workloads import GRADIENT_METHODS, Workload

MEMBERS = "benchmarks.members"
PRODUCT_SIZE = 2048


def ours(
    workload: Workload,
    method: str,
    form: str = "steps",
    rows: int | None = None,
    chunk: int = 20,
    **options: Any,
) -> Entry:
    """mtlx; `options` go to `make_step`.

    Args:
        workload, method: what is trained, and by which balancer.
        form: "steps", or a whole "epoch" with metrics read as `fit` reads them.
        rows: of the training split; None is 32 batches.
        chunk: steps of one dispatch.
    """
    spec = _spec(workload, method, form, rows, chunk) | {"step": options}
    name = ", ".join(["mtlx", *(f"{k}={v}" for k, v in options.items())])
    return Entry(name, "mtlx", f"{MEMBERS}.mtlx_member", spec)


def peers(
    workload: Workload,
    method: str,
    python: str,
    form: str = "steps",
    rows: int | None = None,
    chunk: int = 4,
) -> list[Entry]:
    """The libraries and the plain loop that have the method.

    Args:
        workload, method, form, rows: as in `ours`.
        python: interpreter with the peers installed.
        chunk: steps between two looks at the clock.
    """
    spec = _spec(workload, method, form, rows, chunk)

    def entry(name, kind, module, **options):
        return Entry(name, kind, f"{MEMBERS}.{module}", spec | options, python)

    # Stacked experts serve every peer that takes a model of ours.
    stacked = bool(workload.experts)
    found = [entry("LibMTL", "libmtl", "libmtl", stacked=stacked, loader=_epoch(form))]
    if method == "equal":
        found += _equal(entry, workload, form, stacked)
    if method == "pcgrad":
        found.append(entry("plain loop", "plain", "plain", stacked=stacked))
    if method in ("equal", *GRADIENT_METHODS) and method != "gradnorm":
        found += _torchjd(entry, method, form, stacked)
    return found


def products(python: str | None) -> list[Entry]:
    """Plain products, for the share of the machine's arithmetic; shorter turns."""
    libraries = ["jax"] + (["torch"] if python else [])
    return [
        Entry(
            f"product ({library})",
            "product",
            f"{MEMBERS}.product",
            {"library": library, "size": PRODUCT_SIZE},
            **({"python": python} if library == "torch" else {}),
            share=0.3,
        )
        for library in libraries
    ]


def _equal(entry, workload, form, stacked) -> list[Entry]:
    """What needs no gradient method: every form of the plain loop, two libraries."""
    loader = _epoch(form)
    fast = {"stacked": True, "fused": True}
    found = [
        entry("plain loop", "plain", "plain", loader=loader),
        entry("plain loop, stacked", "plain", "plain", **fast),
        entry("plain loop, compiled", "plain", "plain", compile=True, fused=True),
        entry("plain loop, stacked, compiled", "plain", "plain", compile=True, **fast),
    ]
    if stacked:
        found += [
            entry("DeepCTR-Torch", "deepctr", "deepctr"),
            entry("torch-rechub", "rechub", "rechub"),
        ]
    return found


def _torchjd(entry, method, form, stacked) -> list[Entry]:
    """Both engines; autojac with all tasks at once, and one at a time."""

    def engine(name, **options):
        name = f"torchjd, {name}"
        return entry(name, "torchjd", "torchjd_member", stacked=stacked, **options)

    found = [
        engine("autojac", engine="autojac"),
        engine("autojac, task by task", engine="autojac", chunk_size=1),
    ]
    # torchjd has no Gram-matrix weighting for Nash-MTL, and none is needed for a sum.
    if method not in ("equal", "nash_mtl") and form == "steps":
        found.append(engine("autogram", engine="autogram"))
    return found


def _epoch(form: str) -> bool:
    return form == "epoch"


def _spec(workload, method, form, rows, chunk) -> dict[str, Any]:
    return {
        "workload": workload.record(),
        "method": method,
        "form": form,
        "rows": rows or 32 * workload.batch_size,
        "chunk": chunk,
        "warm": 1 if _epoch(form) else 2,
    }
