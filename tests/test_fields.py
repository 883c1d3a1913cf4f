"""Frozen classes whose fields are checked: what they take, how they are compared, and how mistakes in a file are told."""

import copy
import pickle
import re
import typing
from typing import Annotated, Any, ClassVar, Literal

import pytest

from archcalc import patterns, records, tuples
from archcalc.fields import MAPPING, Check, Checked, FieldErrors, Wrong
from archcalc.ops import OPS
from archcalc.patterns import deferred, pattern
from archcalc.records import Record
from archcalc.tuples import FEW, NamedTuple


def even(value: object) -> int:
    if isinstance(value, int) and value % 2 == 0:
        return value
    raise ValueError("must be even")


Even = Annotated[int, Check(even)]


class Inner(Checked):
    size: Even
    in_: list[Even] = []
    named: dict[str, Even] = {}


class Part(Inner):
    """A part with a part of its own."""

    kind: Literal["a", "b"] = "a"
    inner: Inner | None = None


def test_values_are_checked_and_the_others_are_at_their_defaults() -> None:
    made = Part(size=2, in_=[4, 6])
    assert (made.size, made.kind, made.in_, made.inner, made.named) == (2, "a", [4, 6], None, {})
    with pytest.raises(FieldErrors) as caught:
        Part(size=1, kind="c", colour="red", in_=3)
    assert caught.value.problems == [
        Wrong(("colour",), "is no field of Part", ("size", "in", "named", "kind", "inner")),
        Wrong(("size",), "must be even"),
        Wrong(("in_",), "must be a list"),
        Wrong(("kind",), "must be 'a' or 'b'"),
    ]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


def test_what_a_file_says_is_told_by_its_keys() -> None:
    made = Part.read({"size": 2, "in": [2], "inner": {"size": 4, "named": {"in_": 6, "self": 8}}})
    assert (made.in_, made.inner and made.inner.named) == ([2], {"in_": 6, "self": 8})
    with pytest.raises(FieldErrors) as caught:
        Part.read({"in_": [2], "self": 1, "in": [2, 3], "inner": {"size": 2, "named": {"x": 1}, "in": {}}})
    assert [(wrong.path, wrong.what, bool(wrong.known)) for wrong in caught.value.problems] == [
        (("in_",), "is no field of Part", True),
        (("self",), "is no field of Part", True),
        (("size",), "is missing", False),
        (("in", 1), "must be even", False),
        (("inner", "in"), "must be a list", False),
        (("inner", "named", "x"), "must be even", False),
    ]
    with pytest.raises(FieldErrors) as caught:
        Part.read({"size": 2, "inner": [1]})
    assert caught.value.problems == [Wrong(("inner",), MAPPING)]


def test_objects_are_equal_by_their_fields_however_they_were_made() -> None:
    conv = OPS["conv"]
    made = [
        conv(out=8, kernel=3),
        conv(kernel=3, out=8),
        conv.unchecked(kernel=3, out=8),
        conv(out=4, kernel=3).replaced(out=8),
    ]
    assert len({*made}) == 1
    assert len({repr(one) for one in made}) == 1
    assert made[0] != conv(out=8, kernel=1)
    assert made[0] != OPS["linear"](out=8)
    assert pickle.loads(pickle.dumps(made[0])) == copy.deepcopy(made[0]) == made[0]


def test_objects_are_frozen_and_share_no_lists() -> None:
    one, other, third = Part(size=2), Part(size=2), Part.unchecked(size=2)
    one.in_.append(3)
    third.named["x"] = 1
    assert (other.in_, Part(size=2).in_, Part(size=2).named) == ([], [], {})
    for change in (lambda: setattr(one, "size", 4), lambda: delattr(one, "size"), lambda: setattr(one, "new", 1)):
        with pytest.raises(AttributeError, match="Part is frozen"):
            change()
    assert not hasattr(one, "new")


def test_fields_are_inherited_from_every_base_and_may_have_another_default() -> None:
    class Wide(Checked):
        width: Even = 2
        word: ClassVar = "wide"  # type: ignore[misc]

    class High(Checked):
        height: Even = 4

    class Both(Wide, High):
        width = 6
        depth: Even = 8

    assert sorted(Both.fields) == ["depth", "height", "width"]
    assert (Both().width, Both().height, Both().depth, Both(width=2).width, Wide().width) == (6, 4, 8, 2, 2)
    with pytest.raises(FieldErrors, match="height must be even"):
        Both(height=3)


def test_a_type_that_says_not_what_it_takes_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match=r"Odd\.ratio: what does a <class 'float'> take"):
        type("Odd", (Checked,), {"__annotations__": {"ratio": float}, "__module__": __name__})


@pytest.mark.parametrize(("kind", "right", "wrong", "said"), [
    (bool, False, "yes", "must be true or false"), (int, 3, True, "must be a whole number"), (str, "x", 3, "must be text"), (Any, object, None, ""),
    (list[int], [1], "1", "must be a list"), (dict[str, int], {"a": 1}, [1], MAPPING), (int | None, None, "x", "must be a whole number"),
])  # fmt: skip
def test_types_take_what_they_say(kind: Any, right: Any, wrong: Any, said: str) -> None:
    one = type("One", (Checked,), {"__annotations__": {"value": kind}, "__module__": __name__})
    assert one(value=right).value == right  # type: ignore[call-arg]
    if said:
        with pytest.raises(FieldErrors) as caught:
            one(value=wrong)  # type: ignore[call-arg]
        assert caught.value.problems == [Wrong(("value",), said)]


class Ours(NamedTuple):
    """A size."""

    high: int
    wide: int = 1

    @property
    def area(self) -> int:
        return self.high * self.wide


class Theirs(typing.NamedTuple):
    """A size."""

    high: int
    wide: int = 1

    @property
    def area(self) -> int:
        return self.high * self.wide


class Higher(Ours):
    """A class of such a class."""


def said(kind: typing.Any, *values: object, **named: object) -> object:
    """What comes of a call: what is made, or the kind of mistake."""
    try:
        return kind(*values, **named)
    except (TypeError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize(
    "ask",
    [
        lambda kind: [said(kind, *values) for values in ((), (2,), (2, 3), (2, 3, 4))],
        lambda kind: [said(kind, **named) for named in ({}, {"high": 2}, {"wide": 2}, {"high": 2, "deep": 1})],
        lambda kind: (kind(2).area, kind(2, 5).area, kind(wide=3, high=2)[1], kind(2) == (2, 1), hash(kind(2))),
        lambda kind: (kind(2)._replace(wide=7), kind(2)._asdict(), kind._make([2, 3])),
        lambda kind: (said(kind._make, [2]), said(kind(2)._replace, deep=3)),
        lambda kind: (
            kind._fields,
            kind._field_defaults,
            kind.__match_args__,
            kind.__doc__,
            kind.__bases__,
            type(kind),
        ),
        lambda kind: (copy.copy(kind(2)), copy.deepcopy(kind(2)), pickle.loads(pickle.dumps(kind(2)))),
        lambda kind: (repr(kind(2)).partition("(")[2], hasattr(kind(2), "__dict__")),
        lambda kind: typing.get_type_hints(kind),
    ],
)
def test_a_named_tuple_is_one_of_the_standard_library(ask: typing.Any) -> None:
    assert ask(Ours) == ask(Theirs)


def test_a_class_of_a_named_tuple_makes_its_own() -> None:
    assert type(Higher(3)) is Higher  # the first of all
    assert (type(Ours(3)), Higher(3, 4).area) == (Ours, 12)


def test_a_field_without_a_default_follows_none_that_has_one() -> None:
    with pytest.raises(TypeError, match="without a default"):

        class _(NamedTuple):
            wide: int = 1
            high: int  # type: ignore[misc]


def of_a_new_class(base: type) -> type:
    """A class of which none is made yet."""

    class Size(base):
        high: int
        wide: int = 1
        marks: list[str] = []

    return Size


@pytest.mark.parametrize("base", [NamedTuple, Record])
@pytest.mark.parametrize(
    ("values", "named"),
    [((2,), {}), ((2, 3, ["a"]), {}), ((), {"high": 2}), ((2,), {"marks": ["a"]}), ((), {"wide": 3, "high": 2})],
)
def test_the_first_of_a_class_are_made_as_those_after_them(base: type, values: Any, named: Any) -> None:
    kind = of_a_new_class(base)
    made = [kind(*values, **named) for _ in range(FEW + 2)]
    assert [(each.high, each.wide, each.marks) for each in made] == [
        (2, 3 if 3 in (*values, *named.values()) else 1, ["a"] if "a" in str((values, named)) else [])
    ] * (FEW + 2)
    assert len({id(each.marks) for each in made}) == (
        FEW + 2 if base is Record and "a" not in str((values, named)) else 1
    )


@pytest.mark.parametrize("base", [NamedTuple, Record])
@pytest.mark.parametrize(
    ("values", "named", "said"),
    [
        ((), {}, "missing 1 required positional argument: 'high'"),
        ((), {"wide": 3}, "missing 1 required positional argument: 'high'"),
        ((2, 3, [], 4), {}, "positional arguments but 5 were given"),
        ((2,), {"deep": 3}, "got an unexpected keyword argument 'deep'"),
        ((2,), {"high": 3}, "got multiple values for argument 'high'"),
    ],
)
def test_the_first_of_a_class_is_refused_as_those_after_it(base: type, values: Any, named: Any, said: str) -> None:
    kind = of_a_new_class(base)
    for _ in range(FEW + 2):
        with pytest.raises(TypeError, match=re.escape(said)):
            kind(*values, **named)


def test_values_that_do_not_fit_together_are_refused_from_the_first() -> None:
    class Half(Record):
        of: int

        def agree(self) -> None:
            if self.of % 2:
                raise ValueError("odd")

    for _ in range(FEW + 2):
        assert Half(4).of == 4
        with pytest.raises(ValueError, match="odd"):
            Half(3)


def test_what_makes_the_others_is_written_once_for_a_class_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a class of few nothing is compiled, which takes as long as to make a hundred of them."""
    written: list[str] = []
    monkeypatch.setattr(tuples, "eval", lambda text, *scope: written.append(text) or eval(text, *scope), raising=False)
    monkeypatch.setattr(records, "exec", lambda text, *scope: written.append(text) or exec(text, *scope), raising=False)
    for base in (NamedTuple, Record):
        kind = of_a_new_class(base)
        for _ in range(FEW):
            kind(2)
        assert written == []
        for _ in range(3):
            kind(2)
        assert len(written) == 1
        written.clear()


def test_a_pattern_is_compiled_when_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(patterns, "_compile", lambda text, flags=0: compiled.append(text) or re.compile(text, flags))
    word = pattern("[A-Z]+", re.IGNORECASE)
    assert compiled == []
    assert (word.sub("-", "one 2"), word.sub("+", "2 three"), word.fullmatch("2")) == ("- 2", "2 +", None)
    assert compiled == ["[A-Z]+"] * 2  # once a method


def test_a_library_is_imported_with_patterns_that_are_compiled_when_they_are_asked() -> None:
    compile_ = re.compile
    with deferred():
        word = re.compile("[a-z]+", re.IGNORECASE)
    assert not isinstance(word, re.Pattern)
    assert [copy.deepcopy(one).match("Ab1").group() for one in (word, word)] == ["Ab", "Ab"]  # type: ignore[union-attr]
    assert (word.pattern, word.search("1")) == ("[a-z]+", None)
    with pytest.raises(ImportError), deferred():
        raise ImportError
    assert re.compile is compile_
