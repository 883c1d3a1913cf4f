"""Values of calls become few arguments."""

import pytest

from archcalc.expand.relating import related


@pytest.mark.parametrize(
    ("rows", "written", "given"),
    [
        ([["64", "1"], ["64", "1"]], ["64", "1"], []),
        ([["64", "64"], ["32", "32"]], ["$0", "$0"], [["64", "32"]]),
        ([["64", "16"], ["32", "8"]], ["$0", "$0//4"], [["64", "32"]]),
        ([["3", "4", "12"], ["5", "7", "35"]], ["$0", "$1", "$0*$1"], [["3", "5"], ["4", "7"]]),
        ([["3x3", "relu"], ["5x5", "relu"]], ["$0", "relu"], [["3x3", "5x5"]]),
        ([["size//2", "1"], ["size//4", "2"]], ["$0", "$1"], [["size//2", "size//4"], ["1", "2"]]),
        ([["0.1", "0"], ["0.2", "3"]], ["$0", "$1"], [["0.1", "0.2"], ["0", "3"]]),
        ([["@c", "1"], ["@c", "1"]], ["$0", "1"], [["@c", "@c"]]),
    ],
)
def test_what_follows_from_others_is_no_argument(
    rows: list[list[str]], written: list[str], given: list[list[str]]
) -> None:
    assert related(rows) == (written, given)
