"""The Gram matrix in the optimizer's metric."""

from mtlx.types import Balancer


def precondition(inner: Balancer) -> Balancer:
    """Decide on G = J P J^T in place of J J^T, P = 1 / (sqrt(v) + eps) of Adam's v.

    A solver that works on J J^T assumes that the parameters move along J^T w. Adam
    moves them along P J^T w, and a direction that agrees with every gradient need not
    do so any more after P. With G = J P J^T, (G w)_i = <g_i, P J^T w> is the first-
    order fall of loss i under the step that is really taken (momentum left out).

    P is that of the last step, scaled to a mean of 1 over the shared parameters, so
    that it is the identity at the first step.

    Args:
        inner: a balancer that needs the Gram matrix.

    Raises:
        ValueError: the inner balancer does not need one. (From `mtlx.train.fit`: the
            optimizer keeps no second moments, or the granularity is
            "representation".)
    """
    if "gram" not in inner.needs:
        raise ValueError(
            f"Wrapper 'precondition' expected a balancer that needs the Gram matrix, "
            f"found one that needs {sorted(inner.needs) or 'losses alone'}. Use that "
            f"balancer without it."
        )
    return inner._replace(needs=inner.needs | {"metric"})
