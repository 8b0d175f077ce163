"""Which form of the Gram matrix is the fastest, by measurement."""

import jax

from mtlx.types import Needs

FORMS = ("auto", "vmap", "loop", "map", "ghost", "recompute", "sketch")
STACKED = ("vmap", "loop", "map")  # the forms that hold every task's gradient
MANY_TASKS = 8


def check_form(
    form: str,
    needs: Needs,
    granularity: str = "all",
    remat: bool = False,
    accumulate: int = 1,
) -> None:
    """Refuses a form that there is not, or that cannot give what is asked of it.

    A balancer that needs losses alone measures nothing, and goes with every form.

    Raises:
        ValueError: an unknown name; gradients asked of a form that does not hold them;
            a sketch by layer; the ghost form without the activations that it reads; a
            Gram matrix from parts of a batch where their gradients are not held, or
            where they have nothing in common.
    """
    if form not in FORMS:
        raise ValueError(
            f"Expected gradients to be one of {', '.join(FORMS)}, found {form!r}."
        )
    if accumulate > 1:
        _check_parts(form, needs, granularity)
    if not needs & {"gram", "grads"}:
        return
    if "grads" in needs and form not in ("auto", *STACKED):
        raise ValueError(
            f"gradients={form!r} expected a balancer and an optimizer that need the "
            f"Gram matrix alone, found one that needs the gradients themselves. Use "
            f"gradients=auto, or one of {', '.join(STACKED)}."
        )
    if form == "sketch" and granularity == "layer":
        raise ValueError(
            "gradients='sketch' expected one Gram matrix, found granularity='layer', "
            "which would take num_probes passes a layer. Use another of the two."
        )
    if form == "ghost" and remat:
        raise ValueError(
            "gradients='ghost' expected remat=False, found True: it reads the "
            "activations that remat drops. Use gradients=recompute."
        )


def _check_parts(form: str, needs: Needs, granularity: str) -> None:
    """What goes with gradients that are summed over parts of a batch."""
    apart = needs & {"cross_gram", "lookahead"}
    if apart:
        raise ValueError(
            f"accumulate > 1 expected a balancer that measures one batch, found one "
            f"that needs {', '.join(sorted(apart))}. Use accumulate=1."
        )
    if needs & {"gram", "grads"} and granularity == "representation":
        raise ValueError(
            "accumulate > 1 expected a granularity of parameters, found "
            "'representation', which is another one in every part. Use another."
        )
    if needs & {"gram", "grads"} and form not in ("auto", *STACKED):
        raise ValueError(
            f"accumulate > 1 expected a form that holds the gradients, since they are "
            f"summed before the Gram matrix, found gradients={form!r}. Use auto, "
            f"{', '.join(STACKED)}."
        )


def choose(
    form: str,
    needs: Needs,
    granularity: str,
    num_tasks: int,
    *,
    remat: bool = False,
    backend: str | None = None,
) -> str | None:
    """The form to compile, with "auto" resolved; None where nothing is measured.

    Args:
        form: one of `FORMS`.
        needs: `Balancer.needs`.
        granularity: of the `Cut`.
        num_tasks: T.
        remat: whether the activations are dropped.
        backend: e.g. "cpu"; None is that of the default device.
    """
    if not needs & {"gram", "grads"}:
        return None
    if form != "auto":
        return form
    if (backend or jax.default_backend()) != "cpu":
        return "vmap"
    few = num_tasks < MANY_TASKS
    if few or remat or "grads" in needs or granularity == "layer":
        return "loop"
    return "ghost"
