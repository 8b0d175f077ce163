"""A model as a file: loaded and run without the code that made it.

A folder with `model.stablehlo` (what `jax.export` serialises), `variables.npz` (its
first argument, by path) and `artifact.json` (signature and facts).
"""

import functools
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import export

from mtlx.data.errors import DataError
from mtlx.data.signature import Signature
from mtlx.serving.answers import Answer
from mtlx.serving.list_scorer import ListScorer
from mtlx.serving.scorer import SIZES, Scorer
from mtlx.types import PyTree

PROGRAM, VARIABLES, FACTS = "model.stablehlo", "variables.npz", "artifact.json"


class Artifact(NamedTuple):
    """A loaded artifact: `run(features) -> {task: answers}`, and what it says of
    itself."""

    scorer: Scorer
    facts: Mapping[str, Any]


def write_artifact(
    folder: Path,
    signature: Signature,
    answer: Answer,
    variables: PyTree,
    platforms: Sequence[str] = ("cpu",),
    origin: Mapping[str, Any] | None = None,
    num_items: int | None = None,
) -> Path:
    """Exports `answer` for batches of any size.

    The number of rows is a symbolic dimension: one program for all sizes, specialised
    by the compiler when it is called. Parameters stay outside of the program, as
    constants of it they would be in it once for each platform.

    Args:
        folder: where the three files go; made if absent.
        signature: of the model.
        answer: of `make_answer` or `make_lists`.
        variables: its first argument; nested dicts.
        platforms: that the program is lowered for: "cpu", "cuda", "rocm", "tpu".
        origin: what else the facts say of where the model is from.
        num_items: of the catalogue, where `answer` gives lists of it (`make_lists`).

    Raises:
        ValueError: a platform that is none of these, or none at all; no flatbuffers.
    """
    known = ("cpu", "cuda", "rocm", "tpu")
    if not platforms or not set(platforms) <= set(known):
        raise ValueError(
            f"Expected platforms from {known}, found {tuple(platforms)}. Mend "
            f"platforms."
        )
    _check_flatbuffers()
    exported = _export(signature, answer, variables, platforms)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRAM).write_bytes(exported.serialize())
    flat = {path: np.asarray(leaf) for path, leaf in _flatten(variables).items()}
    with (folder / VARIABLES).open("wb") as file:
        np.savez(file, **flat)
    facts = {
        "platforms": list(platforms),
        "jax": jax.__version__,
        "calling_convention": exported.calling_convention_version,
        "inputs": {
            name: {"shape": ["rows", *shape], "dtype": np.dtype(dtype).name}
            for name, (shape, dtype) in signature.shapes().items()
        },
        "raw_columns": signature.preprocessing.kinds,
        "origin": dict(origin or {}),
        "num_items": num_items,
        "signature": signature.record(),
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False))
    return folder


def load_artifact(folder: Path, sizes: tuple[int, ...] = SIZES) -> Artifact:
    """What `write_artifact` wrote, ready to run.

    Args:
        folder: with the three files.
        sizes: of the batches, see `Scorer`.

    Raises:
        DataError: a file is missing or damaged.
        ValueError: it was not exported for the platform of this process; no
            flatbuffers.
    """
    for name in (PROGRAM, VARIABLES, FACTS):
        if not (folder / name).is_file():
            raise DataError(
                f"Expected an artifact in {folder}, found no file {name}. Make it: "
                f"python -m experiments.export run=<folder>."
            )
    _check_flatbuffers()
    try:
        facts = json.loads((folder / FACTS).read_text())
        signature = Signature.restore(facts["signature"])
        exported = export.deserialize(bytearray((folder / PROGRAM).read_bytes()))
        with np.load(folder / VARIABLES) as stored:
            variables = {path: jax.device_put(stored[path]) for path in stored.files}
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(
            f"Expected an artifact in {folder}, found a damaged one ({error}), or one "
            f"that JAX {jax.__version__} does not read. Export the run again."
        ) from error
    if jax.default_backend() not in _backends(facts["platforms"]):
        raise ValueError(
            f"Expected an artifact for {jax.default_backend()}, found one for "
            f"{', '.join(facts['platforms'])}. Export it with platforms=[...]."
        )
    run = functools.partial(jax.jit(exported.call), variables)
    if num_items := facts.get("num_items"):
        return Artifact(ListScorer(signature, run, num_items, sizes), facts)
    return Artifact(Scorer(signature, run, sizes), facts)


def _export(
    signature: Signature,
    answer: Answer,
    variables: PyTree,
    platforms: Sequence[str],
) -> export.Exported:
    (rows,) = export.symbolic_shape("rows")
    shapes = {
        name: jax.ShapeDtypeStruct((rows, *shape), dtype)
        for name, (shape, dtype) in signature.shapes().items()
    }
    structure = jax.tree.structure(variables)

    def flat_answer(leaves, features):
        ordered = [leaves[path] for path in paths]
        return answer(jax.tree.unflatten(structure, ordered), features)

    leaves = _flatten(variables)
    paths = list(leaves)
    like = {path: jax.ShapeDtypeStruct(x.shape, x.dtype) for path, x in leaves.items()}
    program = export.export(jax.jit(flat_answer), platforms=tuple(platforms))
    return program(like, shapes)


def _check_flatbuffers() -> None:
    if importlib.util.find_spec("flatbuffers") is None:
        raise ValueError(
            "Expected the package flatbuffers, in which JAX writes a program, found "
            "none. Install the extra: pip install 'mtlx[export]'."
        )


def _flatten(variables: PyTree) -> dict[str, Any]:
    """ "params/encoder/embedding" -> array, in the order of the tree."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(variables)
    return {"/".join(key.key for key in path): leaf for path, leaf in leaves}


def _backends(platforms: Sequence[str]) -> set[str]:
    """The names that JAX gives them as backends."""
    return {"gpu" if name in ("cuda", "rocm") else name for name in platforms}
