"""Reads ONNX files onto the same graph that a spec becomes, without onnx and without the file's weights.

`wire`, `tensors` and `proto` read the bytes. `walk` goes through the nodes, in the `order` in which they can be
computed, and asks `rules` what each of them is; a rule sees its node as a `call`, and `claims` say which layer owns
which weights. Bodies are walked on trial (`trials`). `names` says where layers stand, `network` makes a `Model` of it,
and `writing` a spec. `batch` tells a sample from a batch that the file has written down, and `seen` keeps the nodes for
whoever counts those.
"""

from archcalc.importer.network import ModelFile, load_onnx

__all__ = ["ModelFile", "load_onnx"]
