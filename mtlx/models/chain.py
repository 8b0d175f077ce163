"""Tasks that follow one another: impression, click, purchase."""

import jax
import jax.numpy as jnp

from mtlx.types import Array, Float


def follow(
    before: Float[Array, "batch"], step: Float[Array, "batch"]
) -> Float[Array, "batch"]:
    """logit(s(a) s(b)) of the logits a and b, s the logistic function.

    1 / (s(a) s(b)) - 1 = e^-a + e^-b + e^(-a-b), so the logit is minus the log of that
    sum: exact where a product of probabilities rounds to 0 or to 1, and so are losses,
    gradients and the order of rows.

    Args:
        before: logit of what comes first, e.g. the click.
        step: logit of what follows given that, e.g. the purchase of who clicked.
    """
    return -jax.nn.logsumexp(jnp.stack([-before, -step, -before - step]), axis=0)


def chain_of(
    owner: str, chain: tuple[str, ...], tasks: tuple[str, ...]
) -> tuple[str, ...]:
    """`chain`, or all tasks in their order where it is ().

    Args:
        owner: the architecture, for the error message.
        chain: names of tasks, each after the one that it follows.
        tasks: names of all tasks.

    Raises:
        ValueError: a name that is no task's, or twice.
    """
    if len(set(chain)) < len(chain) or not set(chain) <= set(tasks):
        raise ValueError(
            f"{owner}: expected chain to hold names of tasks, each once, found "
            f"{chain}; the tasks are {tasks}. Use () for all of them in this order."
        )
    return chain or tasks


def check_single(
    owner: str, chain: tuple[str, ...], tasks: tuple[str, ...], outputs: tuple[int, ...]
) -> None:
    """Refuses a chain with a task of several outputs.

    Raises:
        ValueError: there is one.
    """
    pairs = zip(tasks, outputs, strict=True)
    wide = [task for task, count in pairs if task in chain and count > 1]
    if wide:
        raise ValueError(
            f"{owner}: expected one output for each task of its chain, found more for "
            f"{wide}; name the binary tasks with model.chain=[..]."
        )


def check_binary(
    owner: str, chain: tuple[str, ...], tasks: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    """Refuses a chain with a task that is no probability.

    Raises:
        ValueError: a task of the chain is not binary.
    """
    others = {
        task: kind
        for task, kind in zip(tasks, kinds, strict=True)
        if task in chain and kind != "binary"
    }
    if others:
        raise ValueError(
            f"{owner}: expected binary tasks in its chain {chain}, found {others}; "
            f"name the binary ones with model.chain=[..], or take another model."
        )
