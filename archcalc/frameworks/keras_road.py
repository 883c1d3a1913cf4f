"""Keras: a model of its torch backend is a module, whose layers torch doesn't know of."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from archcalc.errors import UsageError
from archcalc.frameworks.asking import Input
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


def build(module: Torch, inputs: Sequence[Torch]) -> None:
    """Weights for a model that is made by its first call: it is called with shapes alone."""
    if is_keras(module) and not module.built:
        keras = _keras()
        module(*(keras.KerasTensor(tuple(each.shape), str(each.dtype).partition(".")[2]) for each in inputs))


def ordered(module: Torch, inputs: Sequence[Input]) -> tuple[Input, ...]:
    """Inputs in the order in which a model of several holds them. Raises UsageError where they aren't those."""
    names = _several(module)
    if not names:
        return tuple(inputs)
    plain = [each for each in inputs if not each.name]
    given = {**dict(zip(names, plain, strict=False)), **{each.name: each for each in inputs if each.name}}
    if sorted(given) != sorted(names) or len(inputs) != len(names):
        wanted = " ".join(f"--input {name}=..." for name in names)
        raise UsageError(f"{module.name} takes {', '.join(names)}: {wanted}")
    return tuple(given[name]._replace(name="") for name in names)


def packed(module: Torch, given: tuple[Torch, ...]) -> tuple[Torch, ...]:
    """What is given for each input, as a model of several takes it: in one list, or in one dictionary."""
    names = _several(module)
    if not names:
        return given
    return (dict(zip(names, given, strict=True)) if isinstance(module._inputs_struct, dict) else list(given),)


def _several(module: Torch) -> list[str]:
    """The names of a model's inputs where it has several, one beside the other."""
    holds = getattr(module, "_inputs_struct", None) if is_keras(module) else None
    if isinstance(holds, dict):
        return [*holds] if len(holds) > 1 else []
    return [tensor.name for tensor in holds] if isinstance(holds, (list, tuple)) and len(holds) > 1 else []


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


__all__ = ["backend", "beside", "build", "is_keras", "ordered", "packed", "prefer_torch", "told_layers"]
