"""NumPy pieces that the formulas of the architectures are written with."""

import numpy as np

TASKS, OUTPUTS, INPUTS, TABLE = ("click", "stars", "category"), (1, 1, 3), 7, 7 * 2


def affine(inputs, *widths):
    """Number of weights and biases of layers with these widths."""
    return sum((a + 1) * b for a, b in zip((inputs, *widths), widths, strict=False))


TOWERS = sum(affine(4, 3, outputs) for outputs in OUTPUTS)
EXPERTS = 3 * affine(INPUTS, 5, 4)


def relu(x):
    return np.maximum(x, 0)


def dense(params, x):
    return x @ params["kernel"] + params.get("bias", 0)


def mlp(params, x):
    for index in range(len(params)):
        x = relu(dense(params[f"dense_{index}"], x))
    return x


def encode(params, features):
    ids, table = np.asarray(features["categorical"]), params["embedding"]
    first, second = table[:4][ids[:, 0]], table[4:][ids[:, 1]]
    return np.concatenate([first, second, np.asarray(features["numerical"])], axis=1)


def expert_list(params, x):
    layers, (experts, *_) = len(params) // 2, params["kernel_0"].shape
    outputs = []
    for e in range(experts):
        h = x
        for index in range(layers):
            h = relu(h @ params[f"kernel_{index}"][e] + params[f"bias_{index}"][e])
        outputs.append(h)
    return outputs


def gated(params, x, experts):
    z = np.exp(dense(params["output"], mlp(params.get("mlp", {}), x)))
    weights = z / z.sum(axis=1, keepdims=True)
    return sum(weights[:, [e]] * expert for e, expert in enumerate(experts))


def tower(params, x):
    y = dense(params["output"], mlp(params["mlp"], x))
    return y[:, 0] if y.shape[1] == 1 else y


def softmax(z):
    z = np.exp(z - z.max(axis=-1, keepdims=True))
    return z / z.sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def layer_norm(params, x):
    z = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(
        x.var(axis=-1, keepdims=True) + 1e-6
    )
    return z * params["scale"] + params["bias"]
