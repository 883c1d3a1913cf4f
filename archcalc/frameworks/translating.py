"""Turns torch's graph into what the importer walks: a node each, with the module that it stands in and the line of code
that called it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence

from archcalc.frameworks import flexible, keras_road
from archcalc.frameworks.exporting import Traced
from archcalc.frameworks.failing import of_trace
from archcalc.frameworks.guards import renamed
from archcalc.frameworks.layout import is_view, stands
from archcalc.importer.call import CODE
from archcalc.importer.described import Described, Named
from archcalc.importer.names import SCOPES
from archcalc.importer.proto import Computed, GraphProto, ModelProto, NodeProto, Size
from archcalc.importer.tensors import MOST_CONTENT, Tensor
from archcalc.importer.wire import Stretch
from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple
from archcalc.untyped import Torch

PRODUCER = "torch.export"
ATTENTION = "scaled_dot_product_attention"
NOWHERE = "the module"  # which has the numbers, if anything does
KINDS = {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
    "float64": 11, "uint32": 12, "uint64": 13, "complex64": 14, "complex128": 15, "bfloat16": 16, "float8_e4m3fn": 17,
    "float8_e4m3fnuz": 18, "float8_e5m2": 19, "float8_e5m2fnuz": 20,
}  # fmt: skip
FORMATS = {1: "f", 6: "i", 7: "q", 9: "?", 11: "d"}  # of constants whose numbers may be looked at
_WRAPPED = pattern(r"wrap_with_(?:set_grad_enabled|autocast)|wrap$|hints_wrapper|checkpoint")
_NOTHING = frozenset({"_assert_scalar", "_assert_async", "sym_constrain_range_for_size", "sym_constrain_range"})


class Argument(NamedTuple):
    """An argument of an operator: what it is called, and whether it is a tensor, or several."""

    name: str
    is_tensor: bool
    is_list: bool


Found = Torch  # what an fx node stands for: a value's name, several, or a plain number


class Translator:
    """One graph, and those inside it."""

    def __init__(self, traced: Traced, module: Torch, package: str = "") -> None:
        self.traced, self.module, self.package = traced, module, package
        self.program = traced.program
        self.graph = GraphProto(whole=True)
        self.values = Described()
        self.nodes: list[NodeProto] = []
        self.found: dict[Torch, Found] = {}  # by fx node
        self.schemas: dict[object, list[Argument]] = {}
        self.places: dict[str, str] = {}
        self.stands_at: dict[tuple[int, Torch], str] | None = None  # the parameters by their memory

    def model(self) -> ModelProto:
        """The whole model."""
        self._inputs()
        self._walk(self.program.graph, "")
        self.graph.nodes, self.graph.values = self.nodes, self.values
        domains = {"": 23, "aten": 1, "python": 1}
        return ModelProto(10, PRODUCER, self.graph, domains)

    # ---- what goes in ------------------------------------------------------------------------------------------------

    def _inputs(self) -> None:
        signature = self.program.graph_signature
        targets = {spec.arg.name: spec for spec in signature.input_specs if hasattr(spec.arg, "name")}
        firsts = self._parameters()
        for node in self.program.graph.nodes:
            if node.op != "placeholder":
                continue
            spec = targets.get(node.name)
            kind = spec.kind.name if spec is not None else "USER_INPUT"
            if spec is None or kind == "USER_INPUT":
                self.found[node] = self._user_input(node)
            elif kind == "PARAMETER":
                self.found[node] = firsts.get(spec.target, spec.target)
            else:
                self.found[node] = self._lifted(spec.target) or self._constant(node, spec.target, kind)

    def _lifted(self, target: str) -> str:
        """The parameter that a constant is, where a layer reads one that its module doesn't give to torch."""
        if self.stands_at is None:
            self.stands_at = {
                (each.data_ptr(), each.shape): name
                for name, each in self.module.named_parameters() if each.device.type == "cpu" and each.numel()
            }  # fmt: skip
        value = self.program.constants.get(target)
        is_here = hasattr(value, "data_ptr") and value.device.type == "cpu" and type(value).__name__ != "FakeTensor"
        return self.stands_at.get((value.data_ptr(), value.shape), "") if is_here else ""

    def _parameters(self) -> dict[str, str]:
        """Every parameter of the module, once; gives the first name of each name."""
        firsts: dict[int, str] = {}
        kept = keras_road.beside(self.module)
        names: dict[str, str] = {}
        for name, parameter in self.module.named_parameters(remove_duplicate=False):
            names[name] = firsts.setdefault(id(parameter), name)
            if names[name] == name:
                tensor = _tensor(name, parameter, kept.get(id(parameter), "parameter"))
                tensor.frozen = not parameter.requires_grad
                self.graph.initializers.append(tensor)
        return names

    def _user_input(self, node: Torch) -> Found:
        value = node.meta.get("val")
        if not hasattr(value, "shape"):
            return value
        dims = tuple(self._dim(dim) for dim in value.shape)
        self.graph.inputs.append(Named(node.name, kind_of(value), dims))
        return node.name

    def _constant(self, node: Torch, target: str, kind: str) -> Found:
        """A buffer, or a tensor that is a constant; its numbers where there are some."""
        value = node.meta.get("val")
        name = f"{target}"
        if not hasattr(value, "shape") or any(tensor.name == name for tensor in self.graph.initializers):
            return name if hasattr(value, "shape") else None
        said = "buffer" if kind == "BUFFER" else "constant"
        tensor = _tensor(name, value, said, self.program.constants.get(target))
        self.graph.initializers.append(tensor)
        return name

    def _dim(self, dim: Torch) -> int | str:
        """A size as a number, or as an expression in the names that were given."""
        if isinstance(dim, int):
            return dim
        return renamed(str(dim.node.expr), self.traced.symbols)

    # ---- nodes -------------------------------------------------------------------------------------------------------

    def _walk(self, graph: Torch, prefix: str) -> object:
        """The nodes of a graph; gives what it puts out."""
        for node in graph.nodes:
            if node.op == "call_function":
                self.found[node] = self._call(node, prefix)
            elif node.op == "get_attr":
                self.found[node] = self._attribute(node)
            elif node.op == "output":
                return self._output(node, prefix)
        return None

    def _output(self, node: Torch, prefix: str) -> object:
        results = node.args[0]
        if prefix:
            return results
        users = {spec.arg.name for spec in self.program.graph_signature.output_specs
                 if spec.kind.name == "USER_OUTPUT" and hasattr(spec.arg, "name")}  # fmt: skip
        for each in results:
            name = self.found.get(each) if hasattr(each, "name") else None
            value = each.meta.get("val") if isinstance(name, str) and each.name in users else None
            if hasattr(value, "shape") and all(named.name != name for named in self.graph.outputs):
                self.graph.outputs.append(Named(str(name), kind_of(value), self._dims(value)))
        return None

    def _attribute(self, node: Torch) -> Found:
        """A graph inside this one, or a tensor of it."""
        owner: Torch = node.graph.owning_module
        for part in str(node.target).split("."):
            owner = getattr(owner, part, None)
        if not hasattr(owner, "shape"):
            return owner
        name = f"{node.target}"
        if all(tensor.name != name for tensor in self.graph.initializers):
            self.graph.initializers.append(_tensor(name, owner, "constant", owner))
        return name

    def _call(self, node: Torch, prefix: str) -> Found:
        target = node.target
        name = getattr(target, "__name__", str(target))
        if name == "getitem":
            return self._item(node)
        if not hasattr(target, "_schema"):
            if name == "flex_attention":
                return self._flexible(node, name, prefix)
            if _WRAPPED.match(name) or hasattr(target, "_higher_order_name"):
                return self._inlined(node, name, prefix)
            return self._python(node, name, prefix)
        domain, _, op = target._schema.name.partition("::")
        if op in _NOTHING:
            return None
        return self._operator(node, domain, op, prefix)

    def _item(self, node: Torch) -> Found:
        whole, place = self.found.get(node.args[0]), node.args[1]
        if isinstance(whole, (list, tuple)):
            part = whole[place]
            return self.found.get(part, part) if hasattr(part, "op") else part
        return None

    def _inlined(self, node: Torch, name: str, prefix: str) -> Found:
        """A graph that runs once, where it is called: the argument that is one, and those after it."""
        place = next((n for n, arg in enumerate(node.args) if hasattr(self.found.get(_key(arg)), "graph")), None)
        if place is None or not _WRAPPED.match(name):
            return self._unknown(node, name, prefix)
        inner = self.found[node.args[place]].graph
        given = [self.found.get(arg, arg) if hasattr(arg, "op") else arg for arg in node.args[place + 1 :]]
        holders = [each for each in inner.nodes if each.op == "placeholder"]
        self.found.update(zip(holders, given, strict=False))
        results = self._walk(inner, f"{prefix}{node.name}/")
        results = results if isinstance(results, (list, tuple)) else [results]
        return [self.found.get(each, each) if hasattr(each, "op") else each for each in results]

    def _unknown(self, node: Torch, name: str, prefix: str) -> Found:
        proto = self._proto(node, "higher_order", name, prefix)
        proto.inputs = [found for arg in node.args if isinstance(found := self.found.get(_key(arg)), str)]
        return self._outputs(node, proto, prefix)

    def _flexible(self, node: Torch, name: str, prefix: str) -> Found:
        """Attention whose scores go through functions of the user's."""
        proto = self._proto(node, "higher_order", name, prefix)
        proto.inputs = [found for arg in node.args[:3] if isinstance(found := self.found.get(_key(arg)), str)]
        inner: list[Torch] = [self.found.get(_key(arg)) for arg in (node.args[3], node.args[4][-1])]
        proto.attributes["operations"] = flexible.operations([each.graph for each in inner if hasattr(each, "graph")])
        return self._outputs(node, proto, prefix)

    def _python(self, node: Torch, name: str, prefix: str) -> Found:
        """Arithmetic on sizes."""
        proto = self._proto(node, "python", name, prefix)
        arguments, sizes = self._plain(list(node.args))
        proto.attributes["arguments"], proto.sizes = Computed(arguments), tuple(sizes)
        return self._outputs(node, proto, prefix)

    def _operator(self, node: object, domain: str, op: str, prefix: str) -> Found:
        writes = op.endswith("_") and not op.endswith("__")
        proto = self._proto(node, domain, op.rstrip("_") if writes else op, prefix)
        inputs: list[str] = []
        needed: list[str] = []
        for argument, value in self._given(node):
            if argument.is_tensor and not _is_plain(value, self.found):
                inputs += self._tensors(value, argument)
            elif value is not None:
                plain, sizes = self._plain(value)
                proto.attributes[argument.name] = Computed(plain) if sizes else plain
                needed += sizes
                inputs += [""] if argument.is_tensor or argument.name == "self" else []
            elif argument.is_tensor:
                inputs.append("")
        proto.inputs, proto.sizes = inputs, tuple(needed)
        proto.stands = stands(node, proto.op, writes)
        if op == ATTENTION and self._drops(node):
            proto.attributes["dropout_p"] = self._drops(node)
        written = self._outputs(node, proto, prefix)
        if writes and isinstance(written, str):
            self._written(node, written, prefix)
        return written

    def _written(self, node: Torch, name: str, prefix: str) -> None:
        """What a view was cut from holds from then on what was written into the view."""
        view: Torch = node.args[0] if node.args else None
        while view is not None and hasattr(view, "op") and view.op == "call_function" and view.args and is_view(view):
            view = view.args[0]
            if view in self.found and isinstance(self.found[view], str):
                proto = self._proto(node, "aten", "slice_scatter", prefix)
                proto.inputs, proto.outputs = [self.found[view], name], [f"{name}@{view.name}"]
                self._describe(proto.outputs[0], view.meta.get("val"))
                self.nodes.append(proto)
                self.found[view] = name = proto.outputs[0]

    def _drops(self, node: Torch) -> float:
        """The rate at which the module that a node stands in drops weights of scores in training, which is off here."""
        path = next((path for path, _ in reversed((node.meta.get("nn_module_stack") or {}).values()) if path), "")
        found = dict(self.module.named_modules()).get(str(path))
        rate = getattr(found, "dropout", 0)
        return rate if isinstance(rate, float) else 0

    def _given(self, node: Torch) -> Iterator[tuple[Argument, object]]:
        """Each argument of the schema with what it is called with; None where it isn't."""
        arguments = self.schemas.get(node.target)
        if arguments is None:
            arguments = self.schemas[node.target] = [_argument(each) for each in node.target._schema.arguments]
        for n, argument in enumerate(arguments):
            yield argument, node.args[n] if n < len(node.args) else node.kwargs.get(argument.name)

    def _tensors(self, value: object, argument: Argument) -> list[str]:
        values = value if isinstance(value, (list, tuple)) else [value]
        found = [self.found.get(each) if hasattr(each, "op") else None for each in values]
        return [each if isinstance(each, str) else "" for each in found]

    def _plain(self, value: object) -> tuple[Torch, list[str]]:
        """An argument that is no tensor, and the sizes that stand in it."""
        if isinstance(value, (list, tuple)):
            parts = [self._plain(each) for each in value]
            return [plain for plain, _ in parts], [name for _, sizes in parts for name in sizes]
        if hasattr(value, "op"):
            found = self.found.get(value)
            return (Size(found), [found]) if isinstance(found, str) else (found, [])
        if isinstance(value, (bool, int, float, str)) or value is None:
            return (int(value) if isinstance(value, bool) else value), []
        return str(value), []

    def _proto(self, node: Torch, domain: str, op: str, prefix: str) -> NodeProto:
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        path = next((path for path, _ in reversed(stack) if path), "")
        path = re.sub(r"@\d+$", "", str(path))
        metadata = {SCOPES: f"['', {path!r}, {node.name!r}]"}
        trace = node.meta.get("stack_trace")
        if trace:
            metadata[CODE] = self.places.get(trace) or self.places.setdefault(trace, of_trace(trace, self.package))
        return NodeProto(op, domain, f"{prefix}{node.name}", metadata=metadata)

    def _outputs(self, node: Torch, proto: NodeProto, prefix: str) -> Found:
        """Names for what a node puts out, with what torch says of it."""
        value, name = node.meta.get("val"), f"%{prefix}{node.name}"
        if isinstance(value, (list, tuple)):
            proto.outputs = [f"{name}.{n}" for n in range(len(value))]
            for own, each in zip(proto.outputs, value, strict=True):
                self._describe(own, each)
        else:
            proto.outputs = [name]
            self._describe(name, value)
        self.nodes.append(proto)
        return proto.outputs if isinstance(value, (list, tuple)) else name

    def _describe(self, name: str, value: object) -> None:
        if hasattr(value, "shape"):
            self.values[name] = Named(name, kind_of(value), self._dims(value))

    def _dims(self, value: Torch) -> tuple[int | str, ...]:
        return tuple(self._dim(dim) for dim in value.shape)


def _key(value: object) -> object:
    """A key to look a node up by; no node is found by other things."""
    return value if hasattr(value, "op") else None


def _is_plain(value: Torch, found: Mapping[Torch, Found]) -> bool:
    """Whether a number stands where a tensor might: in arithmetic with one, or a size."""
    if isinstance(value, (bool, int, float)):
        return True
    known = value.meta.get("val") if hasattr(value, "op") else None
    return known is not None and not hasattr(known, "shape") and not isinstance(known, (list, tuple))


def _argument(argument: Torch) -> Argument:
    kind = str(argument.type)
    return Argument(argument.name, "Tensor" in kind, "List" in kind)


def kind_of(tensor: Torch) -> int:
    """The number that ONNX has for a type; 0 for one that it has none for."""
    return KINDS.get(str(tensor.dtype).removeprefix("torch."), 0)


def _tensor(name: str, like: Torch, said: str, numbers: object = None) -> Tensor:
    """A tensor of the module; its numbers are nowhere unless it is a small constant."""
    tensor = Tensor(name, tuple(map(int, like.shape)), kind_of(like), said=said)
    tensor.raw = _numbers(numbers, tensor)
    tensor.outside = None if tensor.raw is not None else NOWHERE
    return tensor


def _numbers(value: Torch, tensor: Tensor) -> Stretch | None:
    """The numbers of a small constant, where there are some."""
    form = FORMATS.get(tensor.kind)
    small = form is not None and tensor.elements <= MOST_CONTENT
    if value is None or not small or value.device.type != "cpu" or type(value).__name__ == "FakeTensor":
        return None
    numbers: Sequence[Torch] = value.detach().reshape(-1).tolist()
    raw = struct.pack(f"<{len(numbers)}{form}", *numbers)
    return Stretch(raw, 0, len(raw))


def translated(traced: Traced, module: Torch, package: str = "") -> ModelProto:
    """The model that the importer walks. Parameters are those of the module, each once."""
    return Translator(traced, module, package).model()


__all__ = ["PRODUCER", "translated"]
