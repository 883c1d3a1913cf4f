"""Sessions of onnxruntime, on models that lie in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy

from archcalc.errors import UsageError
from archcalc.graph import Graph
from archcalc.onnx import Model, StoredModel
from archcalc.onnx.stores import NOWHERE
from archcalc.ops.base import number
from archcalc.untyped import Array

FOLDER = "session.model_external_initializers_file_folder_path"  # where numbers lie that aren't in the file
FATAL = 4  # what is worse than an error: errors are raised, and said in words of our own


def runtime() -> Any:
    """The module. Raises UsageError with what to install where it is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(f"running a network needs onnxruntime ({error}): pip install 'archcalc[run]'") from None
    return onnxruntime


def versions() -> dict[str, str]:
    """Of what a result depends on."""
    from importlib.metadata import version

    return {"onnx": version("onnx"), "onnxruntime": str(runtime().__version__)}


class Session:
    """A network on the CPU, every node as it was written unless `optimise`."""

    def __init__(self, model: Model | StoredModel, outputs: Sequence[str], optimise: bool = False) -> None:
        ort = runtime()
        options = ort.SessionOptions()
        options.log_severity_level = FATAL
        options.enable_mem_pattern = False  # batches of several sizes pass through
        options.add_session_config_entry("session.disable_prepacking", "0" if optimise else "1")
        levels = ort.GraphOptimizationLevel
        options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
        read = model.readers()
        self.tensors = {
            name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in model.tensors.items() if read[name]
        }
        is_shared = not (optimise or isinstance(model, StoredModel))
        if self.tensors and not is_shared:
            options.add_external_initializers(list(self.tensors), list(self.tensors.values()))
        if isinstance(model, StoredModel):
            options.add_session_config_entry(FOLDER, model.folder)
        self.outputs = list(outputs)
        try:
            with sharing(options, self.tensors) if is_shared else nullcontext():
                self.session = ort.InferenceSession(
                    model.exposing(self.outputs), options, providers=["CPUExecutionProvider"]
                )
        except Exception as error:  # of onnxruntime, which has no common base for its own
            raise failed("load", error) from None

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        """The outputs, in the order they were asked for. Raises UsageError with onnxruntime's words."""
        try:
            return list(self.session.run(self.outputs, dict(feed)))
        except Exception as error:
            raise failed("run", error) from None


@contextmanager
def sharing(options: Any, tensors: Mapping[str, Any]) -> Iterator[None]:
    """While a session is made that takes these tensors as they are, where it would copy external ones: only one that
    works nothing out beforehand can. What it never reads, it still wants to see: the file where they are said to lie.
    """
    for name, tensor in tensors.items():
        options.add_initializer(name, tensor)
    with TemporaryDirectory() as folder:
        Path(folder, NOWHERE).touch()
        options.add_session_config_entry(FOLDER, folder)
        yield


def failed(what: str, error: Exception) -> UsageError:
    """An error of onnxruntime while it loaded or ran a model."""
    words = sentence(error)
    if "alloc" in words.lower() and any(sign in words.lower() for sign in ("memory", "bad_alloc", "bfcarena")):
        return UsageError(f"out of memory: a smaller --batch or input needs less ({words})")
    if "NOT_IMPLEMENTED" in words:
        return UsageError(f"onnxruntime has no kernel for this dtype here: {words}")
    return UsageError(f"onnxruntime can't {what} the model: {words}")


def sentence(error: Exception) -> str:
    """An error of onnxruntime without the place in its sources that it comes from."""
    return " ".join(str(error).split())[:400]


def vocabularies(graph: Graph, model: Model) -> dict[str, int]:
    """For inputs that hold indices, the smallest table that they are looked up in."""
    kinds = model.input_kinds()
    return {
        name: min(number(node.op.weights()["weight"][0]) for node in graph.nodes if n in node.inputs)
        for name, n in graph.inputs.items()
        if kinds[name] is numpy.int64
    }


def feed(
    graph: Graph, whole: Mapping[str, int], batch: int, seed: int = 0, kinds: Mapping[str, Any] | None = None
) -> dict[str, Array]:
    """Something for every input: normal numbers, or indices below `whole[name]`; in the numpy types that `kinds`
    has.
    """
    random = numpy.random.default_rng(seed)
    found: dict[str, Array] = {}
    for name, n in graph.inputs.items():
        shape = (batch, *map(number, graph.nodes[n].shape))
        values: Array = (
            random.integers(0, whole[name], shape) if name in whole else random.standard_normal(shape, numpy.float32)
        )
        found[name] = values.astype(kinds[name], copy=False) if kinds else values
    return found
