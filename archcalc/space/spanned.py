"""A network with what varies of it: the space that its axes span, and any design of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archcalc.cost import Table
from archcalc.errors import ArchcalcError
from archcalc.metrics import OTHER_NAMES
from archcalc.model import Model
from archcalc.question import Question
from archcalc.records import Record
from archcalc.space.axes import VARIANT, Axis, Value, designs
from archcalc.space.times import LATENCY
from archcalc.spec import bind
from archcalc.spec.model import METRICS

SHOWN_FIGURES = (*METRICS, "latency", "backward_macs", "layers", "bytes", "elementwise")
FIGURES = (*SHOWN_FIGURES, *OTHER_NAMES)  # that a design may be chosen by


class Space(Record):
    """A network, what varies of it, how it is counted, and the devices of its figures of time."""

    model: Model
    axes: tuple[Axis, ...]
    question: Question = Question()
    latencies: dict[str, str] = {}

    @property
    def title(self) -> str:
        """What the network is called."""
        member = self.model.spec.variant(self.model.variant)
        return member.title or f"{self.model.spec.name} {member.name}" if member else self.model.spec.name

    @property
    def figures(self) -> tuple[str, ...]:
        """What a design may be chosen by, besides its parameters."""
        return (*SHOWN_FIGURES, *(name for name in self.latencies if name != LATENCY), *OTHER_NAMES)

    @property
    def size(self) -> int:
        """How many designs there are, those that can't be built included."""
        return designs(self.axes)

    @property
    def words(self) -> frozenset[str]:
        """The words that something of a design may be worth: those of axes, of choices and of what doesn't vary."""
        spec = self.model.spec
        own = bind(spec, self.model.variant, self.question.bindings).values
        choices = [one for declared in spec.parameters.values() if declared.limits for one in declared.limits.in_ or ()]
        values = [*(value for axis in self.axes for value in axis.values if isinstance(value, str)), *own.values()]
        return frozenset(value for value in (*values, *choices, *spec.variants) if isinstance(value, str))

    def values(self, index: int) -> dict[str, Value]:
        """The parameters of a design by its number; the first axis is the slowest."""
        found: dict[str, Value] = {}
        for axis in reversed(self.axes):
            index, place = divmod(index, len(axis.values))
            found[axis.name] = axis.values[place]
        return dict(reversed(found.items()))


def counted(space: Space, fixed: Mapping[str, int], free: Sequence[Axis]) -> Table:
    """The table of the designs that are fixed so far. Raises SpecError, Undecided."""
    model, bindings = _bindings(space, fixed)
    names = tuple(axis.name for axis in free)
    table = model.answer(space.question._replace(bindings=bindings, free=(*space.question.free, *names)))
    _ = table.totals, table.domain, table.narrower
    return table


def fits(space: Space, places: Mapping[str, int]) -> bool:
    """Whether the parameters of a design may be worth what they are, whatever is built of them."""
    try:
        model, bindings = _bindings(space, places)
        bind(model.spec, model.variant, bindings)
    except ArchcalcError:
        return False
    return True


def _bindings(space: Space, places: Mapping[str, int]) -> tuple[Model, dict[str, Value]]:
    """The network, and the values of its parameters, at some places on axes."""
    axes = {axis.name: axis for axis in space.axes}
    given = {name: axes[name].values[place] for name, place in places.items()}
    model = space.model
    if VARIANT in given:
        model = Model(model.spec, given.pop(VARIANT), ships=model.ships)
    return model, {**space.question.bindings, **_set(model, space.question, given)}


def _set(model: Model, question: Question, given: Mapping[str, Value]) -> dict[str, Value]:
    """Values for parameters; members of lists take their places in them."""
    found: dict[str, Value] = {name: value for name, value in given.items() if "." not in name}
    members = {name: value for name, value in given.items() if "." in name}
    own = bind(model.spec, model.variant, question.bindings).values if members else {}
    for name, value in members.items():
        parameter, _, place = name.partition(".")
        before = found.get(parameter, own[parameter])
        assert isinstance(before, (list, tuple))
        whole = list(before)
        whole[int(place)] = value
        found[parameter] = tuple(whole)
    return found


__all__ = ["FIGURES", "SHOWN_FIGURES", "Space", "counted", "fits"]
