"""What a framework says when it fails, on its way to a terminal."""

from __future__ import annotations

from archcalc.escapes import line
from archcalc.frameworks.failing import told


def test_a_class_in_a_message_is_named_without_its_angles() -> None:
    """Angles that a terminal's line would have to escape are taken off what Python writes for a class."""
    error = RuntimeError(f"Unsupported input type {type(Exception())}. Try a tuple")
    assert line(told(error)) == "Unsupported input type Exception. Try a tuple"
    assert line(told(ValueError(str(dict)))) == "ValueError: dict"
