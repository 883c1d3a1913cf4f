"""Running networks with onnxruntime: proof of what was counted, and latency. The only importer of onnxruntime."""
