"""Keras: a model of its torch backend is a module, whose layers torch doesn't know of."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from archcalc.untyped import Torch


def prefer_torch() -> None:
    """Keras takes the backend that counts, unless somebody named one or it is there already."""
    os.environ.setdefault("KERAS_BACKEND", "torch")


def _keras() -> Torch:
    """Keras, where somebody has imported it."""
    return sys.modules.get("keras")


def is_keras(found: object) -> bool:
    """Whether something is a model or layer of Keras, of whatever backend."""
    keras = _keras()
    return hasattr(keras, "Layer") and isinstance(found, keras.Layer)


def backend() -> str:
    """The backend that Keras computes with."""
    return str(_keras().backend.backend())


def beside(module: object) -> dict[int, str]:
    """What the variables are that no training changes whatever is frozen, by their identity: statistics are buffers,
    which Keras prints as parameters whether or not a layer reads them, and states of seeds are neither.
    """
    layers = [module, *module._flatten_layers()] if is_keras(module) else []  # type: ignore[attr-defined]
    found = {id(variable.value): "buffer" for layer in layers for variable in layer._non_trainable_variables}
    return found | {id(each.state.value): "constant" for layer in layers for each in layer._seed_generators}


@contextmanager
def told_layers(module: Torch) -> Iterator[None]:
    """Torch knows the layers of a model by their names, so that nodes have those."""
    found = (module, *module._flatten_layers()) if is_keras(module) else ()
    before = [(each, dict(each._modules)) for each in found if hasattr(each, "layers")]
    for each, known in before:
        each._modules.clear()
        each._modules.update({_named(layer): layer for layer in each.layers}, **known)
    try:
        yield
    finally:
        for each, known in before:
            each._modules.clear()
            each._modules.update(known)


def _named(layer: Torch) -> str:
    """A layer's name as a part of torch's paths, which have dots between them."""
    return str(layer.name).replace(".", "_")


__all__ = ["backend", "beside", "is_keras", "prefer_torch", "told_layers"]
