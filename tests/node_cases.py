"""The node tests that come with onnx: it makes them anew whenever it is asked, in seconds, and several files ask."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any


@cache
def node_cases() -> list[Any]:
    """All of them, with their models, inputs and outputs; nobody changes them."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(collect_testcases(None))
