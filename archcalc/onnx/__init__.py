"""Networks as ONNX models. The only importer of onnx."""

from archcalc.errors import UsageError

try:
    import onnx  # noqa: F401 - so that what is missing is said here, once
except ImportError as error:
    raise UsageError(f"ONNX models need the package {error.name}: pip install 'archcalc[onnx]'") from None

from archcalc.onnx.export import Exported, Model, export, in_memory, inferred
from archcalc.onnx.model import running
from archcalc.onnx.older import OPSET
from archcalc.onnx.probes import convolution, matrix_product, plain_read
from archcalc.onnx.stored import StoredModel
from archcalc.onnx.weights import Fill, positive

__all__ = [
    "OPSET",
    "Exported",
    "Fill",
    "Model",
    "StoredModel",
    "convolution",
    "export",
    "in_memory",
    "inferred",
    "matrix_product",
    "plain_read",
    "positive",
    "running",
]
