"""Fitted features of a table as plain data, and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mtlx.data import inputs
from mtlx.data.inputs import Fitted, Input, Restored
from mtlx.data.tabular_features import TabularFeatures
from mtlx.data.vocabulary import Vocabulary


def store_features(features: TabularFeatures) -> dict[str, Any]:
    """What `restore_features` needs, as JSON holds it.

    Only inputs of `mtlx.data.inputs` are stored: a file that named any class of any
    module would run whatever its author liked in the process that loads it.

    Raises:
        ValueError: an input is of another module, or cannot be restored.
    """
    declared = features.declared
    return {
        "inputs": {
            name: _store(name, declared[name], fitted)
            for name, fitted in features.inputs.items()
        },
        "vocabularies": {
            name: list(vocabulary.values)
            for name, vocabulary in features.vocabularies.items()
            if declared[name].shared is None
        },
    }


def restore_features(record: Mapping[str, Any]) -> TabularFeatures:
    """The features that `store_features` described."""
    owned = {
        name: Vocabulary(tuple(values))
        for name, values in record["vocabularies"].items()
    }
    declared = {
        name: getattr(inputs, each["input"])(**each["arguments"])
        for name, each in record["inputs"].items()
    }
    vocabularies = {
        name: owned[each.shared or name]
        for name, each in declared.items()
        if isinstance(each, inputs.Counted)
    }
    fitted = {
        name: each.restore(
            name, record["inputs"][name]["facts"], vocabularies.get(name)
        )
        for name, each in declared.items()
    }
    return TabularFeatures(fitted, vocabularies, declared)


def _store(name: str, declared: Input, fitted: Fitted) -> dict[str, Any]:
    kind = type(declared).__name__
    ours = getattr(inputs, kind, None) is type(declared)
    if not ours or not isinstance(declared, Restored) or fitted.facts is None:
        raise ValueError(
            f"Input {name!r}: expected an input of mtlx.data.inputs that can be "
            f"restored, found {kind}. Give it a method restore, and its Fitted facts, "
            f"as mtlx.data.inputs.Quantiles has them; or choose another."
        )
    return {
        "input": kind,
        "arguments": dataclasses.asdict(declared),
        "facts": dict(fitted.facts),
    }
