"""Networks as ONNX models. The only importer of onnx."""

from archcalc.onnx.export import Exported, export

__all__ = ["Exported", "export"]
