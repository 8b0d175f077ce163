"""From a composed configuration to the parts of a run: the only user of Hydra here.

The configuration is the constructor call: every group's option names a callable and its
arguments. Below this module there is no `cfg`.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import hydra.utils
import jax
from omegaconf import DictConfig, OmegaConf

from mtlx.data.dataset import Dataset
from mtlx.models import count_parameters, match_params
from mtlx.train import Recipe, build_model
from mtlx.train.optimizers.per_task import Optimizer
from mtlx.types import Balancer

# The layers that match_params sizes, the first of these that a model has.
SIZED = (
    "bottom_widths",
    "expert_widths",
    "column_widths",
    "trunk_widths",
    "state_widths",
)


class Parts(NamedTuple):
    """What a run is made of."""

    dataset: Dataset
    model: nn.Module
    balancer: Balancer
    optimizer: Optimizer
    fit: Callable[..., Any]  # mtlx.train.fit with the trainer's arguments
    tracker: Callable[..., Any]  # folder -> Observer


def freeze(value: Any) -> Any:
    """Lists to tuples, inside dicts and partial calls too: linen modules must hash."""
    if hasattr(value, "_fields"):  # a record, e.g. one of several data sets
        return value
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    if isinstance(value, dict):
        return {key: freeze(item) for key, item in value.items()}
    if isinstance(value, functools.partial):
        return functools.partial(value.func, *value.args, **freeze(value.keywords))
    return value


def instantiate(cfg: DictConfig, numbers: Mapping[str, Any] | None = None) -> Any:
    """What `cfg` names: a call of its `_target_`, or a partial one if it says so.

    `numbers` take the place of arguments; they may be tracers, which no config holds.
    """
    target = hydra.utils.instantiate(cfg, _convert_="all", _partial_=True)
    keywords = freeze(target.keywords) | dict(numbers or {})
    call = functools.partial(target.func, **keywords)
    return call if cfg.get("_partial_", False) else call()


def build(cfg: DictConfig) -> Parts:
    """All parts of a run; what is wrong with them is said here, before compiling."""
    dataset = build_dataset(cfg)
    return Parts(
        dataset=dataset,
        **build_recipe(cfg, dataset, {})._asdict(),
        fit=build_trainer(cfg),
        tracker=instantiate(cfg.tracker),
    )


def build_trainer(cfg: DictConfig) -> Callable[..., Any]:
    """The trainer, without what tells an entry point how its processes meet."""
    keys = [key for key in cfg.trainer if key not in ("distributed", "processes")]
    return instantiate(OmegaConf.masked_copy(cfg.trainer, keys))


def build_dataset(cfg: DictConfig) -> Dataset:
    """The data set alone."""
    return _dataset(OmegaConf.to_yaml(cfg.data, resolve=True))


def build_recipe(
    cfg: DictConfig, dataset: Dataset, numbers: Mapping[str, Any]
) -> Recipe:
    """Model, balancer and optimizer, with numbers in place of some arguments.

    Args:
        cfg: the composed configuration.
        dataset: gives the tasks and the schema.
        numbers: "group.argument" -> number, array or tracer, of the groups model,
            balancer and optimizer.
    """

    def of(group):
        prefix = f"{group}."
        return {
            name.removeprefix(prefix): value
            for name, value in numbers.items()
            if name.startswith(prefix)
        }

    return Recipe(
        model=build_architecture(cfg, dataset, of("model")),
        balancer=_wrapped(cfg, of("balancer")),
        optimizer=instantiate(cfg.optimizer, of("optimizer")),
    )


def build_architecture(
    cfg: DictConfig, dataset: Dataset, numbers: Mapping[str, Any]
) -> nn.Module:
    """The model alone, with numbers in place of some of its arguments."""
    encoder = instantiate(cfg.encoder)
    architecture = instantiate(cfg.model, numbers)
    if cfg.match_params:
        reference = build_model(instantiate(cfg.reference), encoder, dataset)
        architecture = _matched(architecture, reference, encoder, dataset)
    return build_model(architecture, encoder, dataset)


def _wrapped(cfg: DictConfig, numbers: Mapping[str, Any]) -> Balancer:
    """The balancer inside its wrappers, innermost first."""
    balancer = instantiate(cfg.balancer, numbers)
    for wrapper in cfg.wrap:
        call = hydra.utils.instantiate(wrapper, _convert_="all", _partial_=True)
        balancer = call(balancer)
    return balancer


@functools.lru_cache(maxsize=1)
def _dataset(config: str) -> Dataset:
    """The runs of a sweep share the data: read once for as long as they do."""
    return instantiate(OmegaConf.create(config))


def _matched(
    architecture: functools.partial,
    reference: nn.Module,
    encoder: Callable[..., nn.Module],
    dataset: Dataset,
) -> functools.partial:
    """The architecture with layers as wide as the reference's size asks.

    All layers of its bottoms, experts, columns, trunk or states get one width; towers
    and gates keep theirs.
    """
    sized = [name for name in SIZED if architecture.keywords.get(name)]
    if not sized:
        raise ValueError(
            f"match_params=true expected a model with layers to size ("
            f"{', '.join(SIZED)}), found {architecture.func.__name__}."
        )
    widths = architecture.keywords[sized[0]]
    features = jax.tree.map(lambda column: column[:1], dict(dataset.test.features))

    def widened(width):
        return functools.partial(architecture, **{sized[0]: (width,) * len(widths)})

    width = match_params(
        lambda width: build_model(widened(width), encoder, dataset),
        count_parameters(reference, features),
        features,
    )
    return widened(width)
