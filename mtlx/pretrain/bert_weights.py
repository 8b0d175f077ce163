"""Published weights of the BERT family, from a folder on this machine."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from flax.traverse_util import flatten_dict
from safetensors import SafetensorError
from safetensors.numpy import load_file

from mtlx.pretrain.warm_start import replace
from mtlx.types import PyTree

CONFIG, WEIGHTS = "config.json", "model.safetensors"
HEADS = ("query", "key", "value")


@dataclasses.dataclass(frozen=True)
class BertWeights:
    """Starts the encoder `encoders.BERT` from published weights; downloads nothing.

    The table of words goes to the field's own table, with the rows of [UNK] and of id 0
    exchanged, as `mtlx.data.bert_tokenizer` exchanges the ids.

    Args:
        folder: holds config.json, model.safetensors and vocab.txt, as the Hugging Face
            hub lays them out.
        field: the text field.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: the folder holds no BERT, its weights are damaged or lack one; or,
            at the call, the model's encoder has other sizes.

    Reference: Devlin et al., "BERT", NAACL 2019. The heads for its own two tasks are
    not read.
    """

    folder: str
    field: str = "text"

    def __post_init__(self):
        for name in (CONFIG, WEIGHTS, "vocab.txt"):
            if not (Path(self.folder) / name).is_file():
                raise FileNotFoundError(
                    f"{self.folder}: expected a folder with {CONFIG}, {WEIGHTS} and "
                    f"vocab.txt, found no {name}. Nothing is downloaded: put the files "
                    f"of a BERT there, or mend trainer.warm_start.folder."
                )

    def __call__(self, params: PyTree) -> PyTree:
        values, pooler = self.values(), f"{self.field}/encoder/pooler/"
        if not any(pooler in "/".join(path) for path in flatten_dict(params)):
            values = {k: v for k, v in values.items() if not k.startswith(pooler)}
        elif not any(name.startswith(pooler) for name in values):
            raise ValueError(
                f"{self.folder}/{WEIGHTS}: expected a pooler, found none. Choose "
                f"encoder.text.pooling=mean."
            )
        return replace(params, values, self.folder)

    def values(self) -> dict[str, np.ndarray]:
        """The array of each parameter, under the end of its path."""
        config = json.loads((Path(self.folder) / CONFIG).read_text())
        if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
            raise ValueError(
                f"{self.folder}/{CONFIG}: expected model_type 'bert' and hidden_act "
                f"'gelu', found {config.get('model_type')!r} and "
                f"{config.get('hidden_act')!r}. Choose another folder."
            )
        weights = _Weights(self.folder)
        unknown = _unknown(Path(self.folder))
        words = weights["embeddings.word_embeddings.weight"].copy()
        words[[0, unknown]] = words[[unknown, 0]]
        found = {f"{self.field}/embedding": words}
        own = _outside(weights)
        for level in range(config["num_hidden_layers"]):
            own |= _block(weights, level, config["num_attention_heads"])
        return found | {f"{self.field}/encoder/{name}": v for name, v in own.items()}


class _Weights(Mapping):
    """Arrays by the names of `BertModel`, in whichever spelling they are stored."""

    def __init__(self, folder: str):
        self.path = Path(folder) / WEIGHTS
        try:
            stored = load_file(self.path)
        except SafetensorError as error:
            raise ValueError(
                f"{self.path}: expected a safetensors file, found a damaged one "
                f"({error}). Fetch it again."
            ) from error
        self.arrays = {
            _spelt(name): np.asarray(value, np.float32)
            for name, value in stored.items()
        }

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise ValueError(
                f"{self.path}: expected an array {name!r}, found none among "
                f"{len(self.arrays)}. Fetch the weights of a whole BertModel."
            )
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    def __iter__(self):
        return iter(self.arrays)

    def __len__(self):
        return len(self.arrays)


def _spelt(name: str) -> str:
    """The first checkpoints have a prefix, and gamma and beta for the norms."""
    name = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
    return re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", name).removeprefix("bert.")


def _unknown(folder: Path) -> int:
    words = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    if "[UNK]" not in words:
        raise ValueError(
            f"{folder}/vocab.txt: expected a line [UNK], found none among "
            f"{len(words)}. Fetch the file again."
        )
    return words.index("[UNK]")


def _dense(weights: _Weights, name: str, to: str) -> dict[str, np.ndarray]:
    # PyTorch keeps [outputs, inputs].
    return {
        f"{to}/kernel": weights[f"{name}.weight"].T,
        f"{to}/bias": weights[f"{name}.bias"],
    }


def _norm(weights: _Weights, name: str, to: str) -> dict[str, np.ndarray]:
    return {
        f"{to}/scale": weights[f"{name}.LayerNorm.weight"],
        f"{to}/bias": weights[f"{name}.LayerNorm.bias"],
    }


def _outside(weights: _Weights) -> dict[str, np.ndarray]:
    """What lies before and after the blocks; segment 0 alone is read."""
    values = {
        "positions": weights["embeddings.position_embeddings.weight"],
        "segment": weights["embeddings.token_type_embeddings.weight"][:1],
    } | _norm(weights, "embeddings", "norm")
    if "pooler.dense.weight" in weights:
        values |= _dense(weights, "pooler.dense", "pooler")
    return values


def _block(weights: _Weights, level: int, heads: int) -> dict[str, np.ndarray]:
    at = f"encoder.layer.{level}"
    values = {}
    for part in HEADS:
        kernel = weights[f"{at}.attention.self.{part}.weight"].T
        bias = weights[f"{at}.attention.self.{part}.bias"]
        to = f"attention_{level}/{part}"
        values[f"{to}/kernel"] = kernel.reshape(len(kernel), heads, -1)
        values[f"{to}/bias"] = bias.reshape(heads, -1)
    kernel = weights[f"{at}.attention.output.dense.weight"].T
    to = f"attention_{level}/out"
    values[f"{to}/kernel"] = kernel.reshape(heads, -1, kernel.shape[1])
    values[f"{to}/bias"] = weights[f"{at}.attention.output.dense.bias"]
    values |= _norm(weights, f"{at}.attention.output", f"attention_norm_{level}")
    values |= _dense(weights, f"{at}.intermediate.dense", f"feed_in_{level}")
    values |= _dense(weights, f"{at}.output.dense", f"feed_out_{level}")
    return values | _norm(weights, f"{at}.output", f"feed_norm_{level}")
