"""What goes into a model file that is run: something of each input's type and shape that the run accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

import numpy

from archcalc.errors import UsageError
from archcalc.onnx import StoredModel
from archcalc.question import Stored
from archcalc.records import Record
from archcalc.untyped import Array

Ran = TypeVar("Ran")
WAYS = ("random", "ones", "zeros")  # how whole numbers are filled in until a run accepts them
FEW = 4  # names in a sentence
SHOWN = 8  # numbers of an input


class Filled(Record, frozen=False):
    """Inputs for a file. Where their values decide shapes, those that give the counted ones come first; `wished` are
    the inputs that had such in the run.
    """

    model: StoredModel
    file: Stored
    seed: int = 0
    wished: dict[str, Array] = {}

    @cached_property
    def deciding(self) -> dict[str, frozenset[str]]:
        """For each value the inputs whose values decide its shape."""
        return self.model.deciding()

    @cached_property
    def wishes(self) -> dict[str, dict[int, float]]:
        """Numbers for inputs that the counted shapes need; of a written batch the counted shapes are one sample's."""
        if not self.deciding or self.file.samples > 1:
            return {}
        shapes = {name: shape for name, _, shape in self.file.inputs}
        for node in self.file.nodes:
            for name, shape in zip(node.values, node.outputs, strict=False):
                if shape is not None and all(isinstance(dim, int) for dim in shape):
                    shapes[name] = tuple(dim for dim in shape if isinstance(dim, int))
        return self.model.wishes(shapes)

    def first(self, run: Callable[[dict[str, Array]], Ran]) -> Ran:
        """What a run gives with the first inputs that it accepts. Raises UsageError where it accepts none."""
        for wishes in [self.wishes, {}] if self.wishes else [{}]:
            for way in WAYS:
                feed = self.inputs(way)
                for name, wish in wishes.items():
                    places = [place for place in wish if place < feed[name].size]
                    feed[name].reshape(-1)[places] = [wish[place] for place in places]
                try:
                    found = run(feed)
                except UsageError as error:
                    failed = error
                else:
                    self.wished = {name: feed[name] for name in wishes}
                    return found
        names = sorted(frozenset[str]().union(*self.deciding.values()))
        why = f" (shapes are decided by the values of {inwords(names)}: none was found that it runs with)"
        raise UsageError(f"{failed}{why if names else ''}") from None

    def inputs(self, way: str = "random") -> dict[str, Array]:
        """Something for every input: normal numbers; zeros and ones for whole numbers, which are below every length."""
        random = numpy.random.default_rng(self.seed)
        kinds = self.model.input_kinds()
        found = {}
        for name, _, shape in self.file.inputs:
            kind = numpy.dtype(kinds[name])
            if kind.kind in "fVc":  # V: floats that numpy itself doesn't have
                found[name] = numpy.asarray(random.standard_normal(shape, numpy.float32)).astype(kind)
            elif kind.kind in "iub":
                whole = random.integers(0, 2, shape) if way == "random" and "mask" not in name else numpy.ones(shape)
                found[name] = numpy.asarray(numpy.zeros(shape) if way == "zeros" else whole).astype(kind)
            else:
                found[name] = numpy.full(shape, "a", object)
        return found

    def notes(self) -> list[str]:
        """Which inputs had values that give the counted shapes."""
        return [
            f"{name} is {_few(values)} in this run: its values decide shapes, and these give the counted ones"
            for name, values in self.wished.items()
        ]

    def unsure(self) -> list[str]:
        """Which inputs decide shapes that were counted, and had any values."""
        counted = {name for node in self.file.nodes for name in node.values}
        open_ = (names for value, names in self.deciding.items() if value in counted)
        names = sorted(frozenset[str]().union(*open_) - self.wished.keys())
        return [f"the values of {inwords(names)} decide shapes: those of this run may differ from the counted"] * bool(
            names
        )


def _few(values: Array) -> str:
    numbers = ", ".join(f"{number:g}" for number in values.ravel()[:SHOWN].astype(float).tolist())
    return f"[{numbers}{', …' if values.size > SHOWN else ''}]" if values.ndim else numbers


def inwords(names: Sequence[str]) -> str:
    """Names in a sentence, the first few."""
    shown, rest = list(names[:FEW]), len(names) - FEW
    return (
        f"{', '.join(shown)} and {rest} more"
        if rest > 0
        else " and ".join([*filter(None, [", ".join(shown[:-1])]), *shown[-1:]])
    )


__all__ = ["Filled", "inwords"]
