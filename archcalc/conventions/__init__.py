"""How other tools count, and the bridge from our numbers to theirs.

`quantities` says what there is to count of a layer, `rules` how a convention is written, `tools` what each tool counts;
`counting` makes a table in a tool's convention, and `bridge` explains, operator by operator, how it comes from ours.
`files` is about model files, which one tool reads itself: `nodes` says what it counts of ONNX's operators.
"""

from archcalc.conventions.counting import Counted, counted
from archcalc.conventions.files import of_file
from archcalc.conventions.tools import TOOLS, Tool, find

__all__ = ["TOOLS", "Counted", "Tool", "counted", "find", "of_file"]
