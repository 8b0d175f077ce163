"""Adam on the loss with an L2 penalty, as most published recommenders have it."""

import optax


def adam_l2(
    learning_rate: optax.ScalarOrSchedule,
    l2: float = 1e-6,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> optax.GradientTransformation:
    """Adam of g + l2 theta, the gradient of loss + l2 / 2 ||theta||^2.

    Other than with `optax.adamw` the penalty goes through the moments: a parameter
    without a gradient (an embedding row that batches do not read) goes to zero by about
    learning_rate a step, as long as l2 |theta| is well above eps. All parameters have
    the penalty.

    Args:
        learning_rate: a number or a schedule.
        l2: coefficient of the penalty.
        b1, b2, eps: see `optax.adam`.

    Reference: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR
    2019, algorithm 2 without its decoupled term; PyTorch's Adam with `weight_decay`.
    """
    return optax.chain(
        optax.add_decayed_weights(l2), optax.adam(learning_rate, b1, b2, eps)
    )
