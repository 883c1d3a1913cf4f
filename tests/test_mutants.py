"""The list of mutations: each applies to one line, is written once, and reaches tests that are there."""

from collections import Counter

from mutants import LIST, TESTS, Mutant, mutants, placed

TEXT = LIST.read_text(encoding="utf-8")
EVERY = list(mutants(TEXT))


def test_each_applies_to_one_line() -> None:
    found, wrong = placed(TEXT)
    assert wrong == []
    assert len(found) == len(EVERY) >= 150


def test_each_changes_something_and_is_written_once() -> None:
    assert [one for one in EVERY if one.old == one.new] == []
    assert [pair for pair, number in Counter((one.old, one.new) for one in EVERY).items() if number > 1] == []


def test_few_cannot_be_noticed_and_each_says_why() -> None:
    equal = [one for one in EVERY if one.equal]
    assert len(equal) <= len(EVERY) / 20
    assert min((len(one.equal.split()) for one in equal), default=9) > 3


def test_every_room_has_some() -> None:
    files = [one.file.removeprefix("archcalc/") for one in placed(TEXT)[0]]
    rooms = {room.split("/")[0] for room in TESTS if "/" in room}
    assert sorted(room for room in rooms if not any(file.startswith(f"{room}/") for file in files)) == []


def test_the_tests_that_should_notice_are_there() -> None:
    there = {path.as_posix() for path in LIST.parent.parent.glob("test_*.py")}
    missing = {name for one in placed(TEXT)[0] for name in one.tests if not any(path.endswith(name) for path in there)}
    assert missing == set()


def test_a_mutation_is_made_where_its_line_stands_whatever_its_indent() -> None:
    one = Mutant(1, "a < b", "a <= b", "")
    assert one.applied("if x:\n    a < b\na < b and c\n") == "if x:\n    a <= b\na < b and c\n"
    (found,) = mutants("# room\n- a < b\n+ a <= b\n= a is never b\n")
    assert (found.old, found.new, found.equal) == ("a < b", "a <= b", "a is never b")
