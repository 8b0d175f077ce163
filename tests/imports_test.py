"""Imports run one way, and each heavy library has one place."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = (  # a part may import from the layers before its own, and from itself
    {"types", "tree", "metric_rows"},
    {
        "losses",
        "pixel_losses",
        "retrieval_losses",
        "metrics",
        "pixel_metrics",
        "auc_metrics",
        "calibration_metrics",
        "multilabel_metrics",
        "ranking_metrics",
        "ranking_slices",
        "recommendation_metrics",
        "value_metrics",
        "vector_metrics",
        "list_metrics",
        "listwise",
        "ziln",
        "tasks",
        "gradients",
        "diagnostics",
        "balancers",
        "models",
        "data",
        "problems",
        "retrieval",
    },
    {"train", "results", "compose", "pretrain", "serving"},
)
# Within a layer, these imports are meant.
SIBLINGS = {
    ("tree", "types"),
    ("tasks", "losses"),
    ("tasks", "pixel_losses"),
    ("tasks", "ziln"),
    ("tasks", "listwise"),
    ("tasks", "retrieval_losses"),
    ("retrieval_losses", "losses"),
    ("metrics", "pixel_metrics"),
    ("metrics", "auc_metrics"),
    ("metrics", "calibration_metrics"),
    ("metrics", "multilabel_metrics"),
    ("multilabel_metrics", "auc_metrics"),
    ("metrics", "ranking_metrics"),
    ("metrics", "value_metrics"),
    ("metrics", "vector_metrics"),
    ("metrics", "list_metrics"),
    ("value_metrics", "ziln"),
    ("metrics", "tasks"),
    ("models", "losses"),
    ("data", "tasks"),
    ("data", "listwise"),
    ("data", "retrieval_losses"),
    ("compose", "train"),
}
NUMERIC_CORE = [
    "types",
    "tree",
    "losses",
    "pixel_losses",
    "retrieval_losses",
    "metrics",
    "pixel_metrics",
    "auc_metrics",
    "calibration_metrics",
    "multilabel_metrics",
    "ranking_metrics",
    "ranking_slices",
    "recommendation_metrics",
    "value_metrics",
    "vector_metrics",
    "list_metrics",
    "metric_rows",
    "listwise",
    "ziln",
    "tasks",
    "gradients",
    "diagnostics",
    "balancers",
    "models",
    "problems",
    "retrieval",
    "train/axis",
    "train/state",
    "train/step",
    "train/measuring",
    "train/parts",
    "train/population",
]
ONLY_IN = {
    "hydra": ("mtlx/compose.py", "experiments/", "hydra_plugins/"),
    "omegaconf": ("mtlx/compose.py", "experiments/"),
    "orbax": ("mtlx/train/checkpoint.py",),
    "tensorflow_datasets": ("mtlx/data/",),
    "array_record": ("mtlx/data/",),
    "grain": ("mtlx/data/",),
    "pyarrow": ("mtlx/data/",),
    "tokenizers": ("mtlx/data/",),
    "safetensors": ("mtlx/pretrain/",),
    "matplotlib": ("mtlx/results/",),
    "fastapi": ("mtlx/serving/app.py",),
    "pydantic": ("mtlx/serving/",),
    "uvicorn": ("experiments/serve.py",),
    "jaxtyping": ("mtlx/types.py",),
    "rax": ("mtlx/listwise.py",),
    "faiss": ("mtlx/retrieval/index.py",),
    "tensorflow": (),
}


def _files(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def _imports(path):
    """Full dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _layer(part):
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number
    raise AssertionError(f"mtlx.{part} has no layer: give it one in LAYERS")


@pytest.mark.parametrize("path", _files("mtlx"), ids=lambda p: str(p.relative_to(ROOT)))
def test_mtlx_imports_downwards_only(path):
    part = path.relative_to(ROOT / "mtlx").parts[0].removesuffix(".py")
    for name in _imports(path):
        if not name.startswith("mtlx.") or part == "__init__":
            continue
        other = name.split(".")[1]
        if other == part:
            continue
        allowed = _layer(other) < _layer(part) or (part, other) in SIBLINGS
        assert allowed, f"{part} imports {name}"


@pytest.mark.parametrize("package", ONLY_IN)
def test_each_heavy_library_has_its_place(package):
    for path in [*_files("mtlx"), *_files("experiments"), *_files("benchmarks")]:
        place = str(path.relative_to(ROOT))
        if place.startswith(ONLY_IN[package]):
            continue
        for name in _imports(path):
            assert name.split(".")[0] != package, f"{place} imports {name}"


def test_device_meshes_are_in_one_place():
    for path in [*_files("mtlx"), *_files("experiments"), *_files("hydra_plugins")]:
        place = str(path.relative_to(ROOT))
        if not place.startswith("mtlx/train/parallel/"):
            assert not [n for n in _imports(path) if n.startswith("jax.sharding")]


def test_the_numeric_core_needs_jax_flax_optax_and_numpy_alone():
    """In a process that refuses every other package, jaxtyping included."""
    modules = ["mtlx." + name.replace("/", ".") for name in NUMERIC_CORE]
    code = f"""
import sys
REFUSED = ("pandas", "scipy", "matplotlib", "rich", "hydra", "omegaconf", "jaxtyping",
           "tensorflow_datasets", "array_record", "sklearn", "orbax", "jinja2",
           "beartype")
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED:
            raise ModuleNotFoundError(name)
import jax, flax.linen, optax  # what they import themselves is theirs
for name in [n for n in sys.modules if n.split(".")[0] in REFUSED]:
    del sys.modules[name]
sys.meta_path.insert(0, Refuse())
for name in {modules!r}:
    __import__(name)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_no_file_is_long():
    for folder in ("mtlx", "experiments", "benchmarks", "hydra_plugins", "tests"):
        for path in _files(folder):
            lines = len(path.read_text().splitlines())
            assert lines <= 300, f"{path.relative_to(ROOT)}: {lines} lines"
