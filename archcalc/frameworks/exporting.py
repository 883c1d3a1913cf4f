"""Traces a module with `torch.export`: on tensors without numbers, so nothing is run and no weights are needed."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import wraps
from inspect import Parameter, signature

from archcalc.errors import UsageError
from archcalc.frameworks import flexible, keras_road
from archcalc.frameworks.asking import Input, names_of
from archcalc.frameworks.building import door
from archcalc.frameworks.failing import told
from archcalc.frameworks.gathering import gathered
from archcalc.frameworks.guards import Guard, Tie, guards
from archcalc.frameworks.helping import tip
from archcalc.tuples import NamedTuple
from archcalc.untyped import Torch

IMAGE, SEQUENCE = (224, 64, 256, 512), (32, 128, 8, 64)  # what open sizes are tried with


class Traced(NamedTuple):
    """A module as torch's graph, and what stands for each open size in it."""

    program: Torch
    symbols: dict[str, str]  # torch's symbol: the name of a size
    guards: tuple[Guard | Tie, ...] = ()  # what the open sizes have to be for the graph to hold


def traced(module: Torch, inputs: Sequence[Input], sizes: Mapping[str, int], called: str, package: str = "") -> Traced:
    """The graph of a module for one sample, with the sizes that aren't given open.

    Raises UsageError with what torch says, where in the user's code, and what to try.
    """
    missing = [name for name in names_of(inputs) if name not in sizes]
    tries = _tries(inputs, missing)
    error: UsageError | None = None
    for guess in tries:
        try:
            with gathered(module, inputs) as said:
                return _exported(module, inputs, {**guess, **sizes}, missing, called, package, said)
        except UsageError as failed:
            error = error or failed
    assert error is not None
    if flexible.REFUSED in str(error):
        with flexible.traceable():
            return traced(module, inputs, sizes, called, package)
    raise error


def _tries(inputs: Sequence[Input], missing: Sequence[str]) -> list[dict[str, int]]:
    """Numbers to trace open sizes with: those of images or of sequences."""
    if not missing:
        return [{}]
    image = max((len(each.sizes) for each in inputs if not set(missing).isdisjoint(each.sizes)), default=0) > 2
    return [dict.fromkeys(missing, number) for number in (IMAGE if image else SEQUENCE)]


def _exported(
    module: Torch, inputs: Sequence[Input], sizes: Mapping[str, int], missing: Sequence[str], called: str, package: str,
    given: str = "",
) -> Traced:  # fmt: skip
    torch = door()

    make_weights(module, inputs, sizes, called, package)
    args, kwargs = example(module, inputs, sizes)
    args = keras_road.packed(module, args)
    _fit(module, args, kwargs, called, inputs)
    dynamic = _dynamic(module, inputs, missing) if missing else None
    place = _place(module)
    with (
        inference(module),
        silent(),
        together(module, place),
        tensors_only(module),
        keras_road.told_layers(module),
        place,
    ):  # where code makes tensors without a word about it
        try:
            program = torch.export.export(module, args, kwargs, dynamic_shapes=dynamic, strict=False)
        except (Exception, SystemExit) as error:
            hint = tip(error, missing, module)
            raise UsageError(f"{called}: torch.export fails: {told(error, package)}{given}; {hint}") from None
    if not any(isinstance(name, str) for name in program.graph_signature.user_outputs):
        raise UsageError(f"{called}: forward gives no tensor, so that nothing is computed for anybody")
    found, ties = _symbols(program, inputs, missing)
    fixed = [name for name in missing if name not in {*found.values(), *(tie.name for tie in ties)}]
    if fixed:
        names = " and ".join(fixed)
        raise UsageError(
            f"{called}: torch.export fixes {names} to {', '.join(str(sizes[name]) for name in fixed)}: the module's"
            f" code decides by it; {' '.join(f'--set {name}=N' for name in fixed)} gives a number"
        )
    return Traced(program, found, (*guards(program, found), *ties))


def make_weights(module: Torch, inputs: Sequence[Input], sizes: Mapping[str, int], called: str, package: str) -> None:
    """See that a module of Keras has its weights. Raises UsageError where it can't be called with these inputs."""
    args, kwargs = example(module, inputs, sizes, "cpu")
    try:
        keras_road.build(module, [*args, *kwargs.values()])
    except Exception as error:
        raise UsageError(f"{called}: {told(error, package)}; try another --input") from None


def _fit(
    module: Torch, args: tuple[Torch, ...], kwargs: Mapping[str, Torch], called: str, inputs: Sequence[Input]
) -> None:
    """Raises UsageError where a module takes other inputs than it is given."""
    takes = signature(module.forward)
    try:
        takes.bind(*args, **kwargs)
    except TypeError as error:
        names = [*takes.parameters]
        said = ", ".join(names[:8] + ["..."] * (len(names) > 8))
        needed = [name for name, each in takes.parameters.items() if each.default is Parameter.empty]
        lacks = next((name for name in names if f"'{name}'" in str(error)), (needed or names or ["x"])[0])
        size = "x".join(map(str, inputs[0].sizes)) or "1"
        raise UsageError(
            f"{called}: forward({said}): {error}; --input stands once for each that it needs, in order or by name, as"
            f" --input {lacks}={size}; what is no tensor is said by a module of your own that calls this one"
        ) from None


def example(
    module: Torch, inputs: Sequence[Input], sizes: Mapping[str, int], place: str = "meta"
) -> tuple[tuple[Torch, ...], dict[str, Torch]]:
    """Zeros for each input, where the module's tensors are or else in a `place`, of a batch of one."""
    torch = door()

    first = next((tensor for tensor in module.parameters() if tensor.is_floating_point()), None)
    device = _place(module, place)
    plain = first.dtype if first is not None else torch.get_default_dtype()
    made = [
        torch.zeros(
            (1, *(sizes[size] if isinstance(size, str) else size for size in each.sizes)),
            dtype=getattr(torch, each.dtype) if each.dtype else plain,
            device=device,
        )
        for each in inputs
    ]
    args = tuple(tensor for tensor, each in zip(made, inputs, strict=True) if not each.name)
    return args, {each.name: tensor for tensor, each in zip(made, inputs, strict=True) if each.name}


def _place(module: Torch, otherwise: str = "meta") -> Torch:
    """Where a module's parameters are: nowhere if one of them is."""
    devices = [tensor.device for tensor in module.parameters()] or [door().device(otherwise)]
    return next((device for device in devices if device.type == "meta"), devices[0])


def _dynamic(module: Torch, inputs: Sequence[Input], missing: Sequence[str]) -> Torch:
    """The axes that stay open."""
    auto = door().export.Dim.AUTO

    open_ = [{axis + 1: auto for axis, size in enumerate(each.sizes) if size in missing} for each in inputs]
    if not any(each.name for each in inputs):
        shapes = keras_road.packed(module, tuple(open_))
        first = next(iter(signature(module.forward).parameters.values()), None)
        return (shapes,) if first is not None and first.kind is Parameter.VAR_POSITIONAL else shapes
    plain = iter(signature(module.forward).parameters)
    return {each.name or next(plain): axes for axes, each in zip(open_, inputs, strict=True)}


@contextmanager
def silent() -> Iterator[None]:
    """What torch logs and warns of while it traces it says in its errors too; what the module prints isn't what a
    command writes.
    """
    logger = logging.getLogger("torch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(sys.stderr), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


@contextmanager
def together(module: Torch, place: Torch) -> Iterator[None]:
    """All tensors without numbers where some are: a constructor may have made others of what it computed."""
    torch = door()

    stores = [store for each in module.modules() for store in (each._parameters, each._buffers)]
    moved = [(store, name, tensor) for store in stores for name, tensor in store.items()
             if place.type == "meta" and tensor is not None and tensor.device != place]  # fmt: skip
    alike = {id(tensor): tensor.detach().to(place) for _, _, tensor in moved}
    for store, name, tensor in moved:
        like = alike[id(tensor)]
        store[name] = torch.nn.Parameter(like, tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else like
    try:
        yield
    finally:
        for store, name, tensor in moved:
            store[name] = tensor


@contextmanager
def tensors_only(module: Torch) -> Iterator[None]:
    """The module gives the tensors that stand in what it gives, whatever holds them: caches, records, classes."""
    before = vars(module).get("forward")
    forward = module.forward

    @wraps(forward)
    def flat(*args: object, **kwargs: object) -> list[object]:
        return list(_tensors(forward(*args, **kwargs), set()))

    object.__setattr__(module, "forward", flat)
    try:
        yield
    finally:
        object.__delattr__(module, "forward")
        if before is not None:
            object.__setattr__(module, "forward", before)


def _tensors(value: object, seen: set[int]) -> Iterator[object]:
    """The tensors in a value, each once."""
    torch = door()

    if id(value) in seen or isinstance(value, (str, int, float, type(None), type, torch.nn.Module)):
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        yield value
    holds = isinstance(value, (list, tuple, set, Iterator))  # the code of a generator runs as it is read
    parts: Torch = value.values() if isinstance(value, Mapping) else value if holds else None
    if parts is None and not isinstance(value, torch.Tensor):
        parts = getattr(value, "__dict__", {}).values()
    for part in parts or ():
        yield from _tensors(part, seen)


@contextmanager
def inference(module: Torch) -> Iterator[None]:
    """The module as at inference, with attention as arithmetic; afterwards it is as it was."""
    torch = door()

    modes = [(each, each.training) for each in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    with suppress(NotImplementedError):  # one that was exported stays as it was then
        module.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for each, mode in modes:
            each.training = mode


def _symbols(program: object, inputs: Sequence[Input], missing: Sequence[str]) -> tuple[dict[str, str], list[Tie]]:
    """Which of torch's symbols stands for each size, and sizes that torch has made equal to others."""
    found: dict[str, str] = {}
    ties: dict[str, Torch] = {}
    for each, value in zip(inputs, _placeholders(program, inputs) if missing else (), strict=bool(missing)):
        for axis, size in enumerate(each.sizes):
            dim = value.shape[axis + 1]
            if size not in missing or isinstance(dim, int) or dim.node.expr.is_number or size in found.values():
                continue
            if found.setdefault(str(dim.node.expr), str(size)) != size:
                ties[str(size)] = dim.node.expr
    return found, [Tie(name, expression, tuple(found.items())) for name, expression in ties.items()]


def _placeholders(program: Torch, inputs: Sequence[Input]) -> list[Torch]:
    """The tensors that stand for the inputs in the graph, in the order in which they were asked for."""
    names = [name for name in program.graph_signature.user_inputs if isinstance(name, str)]
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    tensors = {name: values[name] for name in names if hasattr(values.get(name), "shape")}
    plain = iter(list(tensors))
    order = [each.name if each.name in tensors else next(plain) for each in inputs]
    return [tensors[name] for name in order]


__all__ = ["IMAGE", "Traced", "example", "inference", "make_weights", "silent", "traced"]
