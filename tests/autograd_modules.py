"""Small networks of many kinds, each as a spec and as a PyTorch module, for what autograd keeps of them.

`saved` are the bytes that `saved_tensors_hooks` saw on the meta device: a sample's, and what is there once for the
batch; torch 2.14.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A spec after its name, what was saved, how torch computes it, its modules, and the shapes of its inputs."""

    spec: str
    saved: tuple[int, int]
    run: Callable[..., Any]
    modules: Callable[[Any], dict[str, Any]]
    inputs: tuple[tuple[int, ...], ...]


def _unet(s: Any, f: Any, x: Any) -> Any:
    a = f.relu(s.bn(s.a(x)))
    return s.c(_cat(a, s.up(f.relu(s.b(f.max_pool2d(a, 2))))))


def _cat(*tensors: Any) -> Any:
    import torch

    return torch.cat(tensors, 1)


def _multi(s: Any, f: Any, a: Any, b: Any) -> Any:
    x, y = s.a(a), s.b(b)
    return s.c((x * y - x).maximum(y))


def _block(s: Any, f: Any, x: Any) -> Any:
    n = s.n(x)
    y = x + s.a(n, n, n)[0]
    return s.q(f.gelu(s.p(s.m(y))))


def _cross(s: Any, f: Any, q: Any, k: Any) -> Any:
    keys = s.r(k)
    return s.o(s.a(s.p(q), keys, keys)[0])


def _gated(s: Any, f: Any, x: Any) -> Any:
    a, b = s.b(f.glu(s.a(x), 1)).chunk(2, 1)
    return s.d(f.channel_shuffle(s.c((a * f.silu(b))[:, :4]), 2))


def _excited(s: Any, f: Any, x: Any) -> Any:
    y = f.hardswish(s.c(x))
    return f.mish(s.o(y * f.hardsigmoid(s.q(f.relu(s.p(y.mean((2, 3), keepdim=True)))))))


def _frozen(s: Any, f: Any, x: Any) -> Any:
    s.a.requires_grad_(False)
    large = f.interpolate(f.relu6(s.b(f.relu(s.a(x)))), scale_factor=2, mode="bilinear")
    return f.adaptive_max_pool2d(s.c(f.pixel_unshuffle(large, 2)), 1).flatten(1)


def _along(s: Any, f: Any, x: Any) -> Any:
    return s.c(f.avg_pool1d(f.gelu(s.d(s.g(f.silu(s.a(x))))), 2)).sigmoid()


def _video(s: Any, f: Any, x: Any) -> Any:
    y = f.max_pool3d(f.leaky_relu(s.n(s.a(x))), 2)
    return s.l(s.i(f.elu(s.b(y))).mean((2, 3, 4)))


def _recurrent(kind: str, saved: int) -> Case:
    return Case(
        f"input: [6, 10]\nlayers: [{kind.lower()} 16 layers=2, linear 4]\n", (saved, 0),
        lambda s, f, x: s.l(s.r(x.permute(2, 0, 1))[0]),
        lambda nn: {"r": getattr(nn, kind)(6, 16, 2), "l": nn.Linear(16, 4)}, ((6, 10),),
    )  # fmt: skip


CASES = {
    "a U-Net": Case(
        "input: [3, 32, 32]\nlayers:\n  - a: conv 8 3x3 norm=bn act=relu\n"
        "  - up: [maxpool 2x2, conv 16 3x3 act=relu, conv_transpose 8 2x2 stride=2 pad=0]\n"
        "  - concat: [ref a, ref up]\n  - conv 4 3x3\n",
        (184_320, 64), _unet,
        lambda nn: {
            "a": nn.Conv2d(3, 8, 3, padding=1), "bn": nn.BatchNorm2d(8), "b": nn.Conv2d(8, 16, 3, padding=1),
            "up": nn.ConvTranspose2d(16, 8, 2, 2), "c": nn.Conv2d(16, 4, 3, padding=1),
        }, ((3, 32, 32),),
    ),
    "shared weights": Case(
        "input: [8, 16, 16]\nlayers:\n  - c: conv 8 3x3 act=tanh\n  - conv 8 3x3 act=tanh share=c\n  - gap\n"
        "  - linear 3\n  - softmax\n",
        (24_620, 0), lambda s, f, x: s.l(s.c(s.c(x).tanh()).tanh().mean((2, 3))).softmax(1),
        lambda nn: {"c": nn.Conv2d(8, 8, 3, padding=1), "l": nn.Linear(8, 3)}, ((8, 16, 16),),
    ),
    "one axis, groups": Case(
        "input: [8, 50]\nlayers: [conv 16 5 groups=4 act=silu, gn 4, dwconv 3 act=gelu, avgpool 2, conv 4 1"
        " act=sigmoid]\n",
        (19_632, 0), _along,
        lambda nn: {
            "a": nn.Conv1d(8, 16, 5, padding=2, groups=4), "g": nn.GroupNorm(4, 16),
            "d": nn.Conv1d(16, 16, 3, padding=1, groups=16), "c": nn.Conv1d(16, 4, 1),
        }, ((8, 50),),
    ),
    "three axes": Case(
        "input: [3, 8, 16, 16]\nlayers: [conv 8 3x3x3 norm=bn act=leaky_relu, maxpool 2x2x2, conv 8 3x3x3 act=elu,"
        " instancenorm, gap, linear 5]\n",
        (262_272, 64), _video,
        lambda nn: {
            "a": nn.Conv3d(3, 8, 3, padding=1), "n": nn.BatchNorm3d(8), "b": nn.Conv3d(8, 8, 3, padding=1),
            "i": nn.InstanceNorm3d(8, affine=True), "l": nn.Linear(8, 5),
        }, ((3, 8, 16, 16),),
    ),
    "two inputs": Case(
        "inputs: {a: [3, 8, 8], b: [3, 8, 8]}\nlayers:\n  - x: [ref a, conv 4 3x3]\n  - y: [ref b, conv 4 3x3]\n"
        "  - z: {mul: [ref x, ref y]}\n  - sub: [ref z, ref x]\n  - maximum: [identity, ref y]\n  - conv 2 1x1\n",
        (5_632, 0), _multi,
        lambda nn: {"a": nn.Conv2d(3, 4, 3, padding=1), "b": nn.Conv2d(3, 4, 3, padding=1), "c": nn.Conv2d(4, 2, 1)},
        ((3, 8, 8), (3, 8, 8)),
    ),
    "squeeze and excitation": Case(
        "input: [16, 8, 8]\nlayers:\n  - conv 16 3x3 act=hardswish\n"
        "  - mul: [identity, [gap keepdims=true, conv 4 1x1 act=relu, conv 16 1x1 act=hardsigmoid]]\n"
        "  - conv 8 1x1 act=mish\n",
        (18_640, 0), _excited,
        lambda nn: {
            "c": nn.Conv2d(16, 16, 3, padding=1), "p": nn.Conv2d(16, 4, 1), "q": nn.Conv2d(4, 16, 1),
            "o": nn.Conv2d(16, 8, 1),
        }, ((16, 8, 8),),
    ),
    "lstm": _recurrent("LSTM", 10_480),
    "gru": _recurrent("GRU", 10_480),
    "rnn": _recurrent("RNN", 2_928),
    "attention in a block": Case(
        "input: [32, 12]\nlayers:\n  - add: [identity, [ln, attention 4]]\n  - ln\n  - linear 64 act=gelu\n"
        "  - linear 32\n",
        (22_464, 0), _block,
        lambda nn: {
            "n": nn.LayerNorm(32), "a": nn.MultiheadAttention(32, 4, batch_first=True), "m": nn.LayerNorm(32),
            "p": nn.Linear(32, 64), "q": nn.Linear(64, 32),
        }, ((12, 32),),
    ),
    "cross attention": Case(
        "inputs: {q: [32, 12], k: [32, 7]}\nlayers:\n  - x: [ref q, linear 32]\n  - y: [ref k, linear 32]\n"
        "  - attention 4: [ref x, ref y]\n  - linear 8\n",
        (12_608, 0), _cross,
        lambda nn: {
            "p": nn.Linear(32, 32), "r": nn.Linear(32, 32), "a": nn.MultiheadAttention(32, 4, batch_first=True),
            "o": nn.Linear(32, 8),
        }, ((12, 32), (7, 32)),
    ),
    "features last": Case(
        "input: [5, 16]\nlayers: [linear 32 axis=-1, rmsnorm axis=-1, linear 16 axis=-1 act=softplus, selu, linear 8"
        " axis=-1]\n",
        (3_220, 0), lambda s, f, x: s.c(f.selu(f.softplus(s.b(s.n(s.a(x)))))),
        lambda nn: {"a": nn.Linear(16, 32), "n": nn.RMSNorm(32), "b": nn.Linear(32, 16), "c": nn.Linear(16, 8)},
        ((5, 16),),
    ),
    "frozen at the beginning": Case(
        "input: [3, 16, 16]\nlayers: [conv 8 3x3 frozen act=relu, conv 8 3x3 act=relu6, upsample 2 mode=bilinear,"
        " pixel_unshuffle 2, conv 4 1x1, gmp]\n",
        (53_280, 0), _frozen,
        lambda nn: {"a": nn.Conv2d(3, 8, 3, padding=1), "b": nn.Conv2d(8, 8, 3, padding=1), "c": nn.Conv2d(32, 4, 1)},
        ((3, 16, 16),),
    ),
    "lengths and neighbours": Case(
        "input: [8, 6, 6]\nlayers: [conv 8 3x3, l2norm, conv 8 3x3, lrn 5, conv 4 3x3 act=prelu]\n",
        (10_656, 0), lambda s, f, x: s.p(s.c(f.local_response_norm(s.b(f.normalize(s.a(x), dim=1)), 5))),
        lambda nn: {
            "a": nn.Conv2d(8, 8, 3, padding=1), "b": nn.Conv2d(8, 8, 3, padding=1), "c": nn.Conv2d(8, 4, 3, padding=1),
            "p": nn.PReLU(4),
        }, ((8, 6, 6),),
    ),
    "gates, a slice and a shuffle": Case(
        "input: [8, 6, 6]\nlayers: [conv 16 3x3, glu, conv 16 1x1, glu silu, slice 0 4, conv 4 1x1, channel_shuffle 2,"
        " conv 4 1x1]\n",
        (9_792, 0), _gated,
        lambda nn: {
            "a": nn.Conv2d(8, 16, 3, padding=1), "b": nn.Conv2d(8, 16, 1), "c": nn.Conv2d(4, 4, 1),
            "d": nn.Conv2d(4, 4, 1),
        }, ((8, 6, 6),),
    ),
}  # fmt: skip


def measured(case: Case) -> tuple[int, int]:
    """What autograd saves of it now: unique storages, parameters and buffers left out."""
    two, four = (_saved(case, batch) for batch in (2, 4))
    return (four - two) // 2, 2 * two - four


def _saved(case: Case, batch: int) -> int:
    import torch

    with torch.device("meta"):
        module = torch.nn.ModuleDict(case.modules(torch.nn)).train()
        inputs = [torch.empty(batch, *shape) for shape in case.inputs]
    return _hooked(module, lambda: case.run(_Named(module), torch.nn.functional, *inputs))


def bytes_of(make: Callable[[Any], Any], shape: tuple[int, ...], batch: int) -> int:
    """What autograd saves of a module and one input."""
    import torch

    with torch.device("meta"):
        module, x = make(torch.nn).train(), torch.empty(batch, *shape)
    return _hooked(module, lambda: module(x))


def _hooked(module: Any, run: Callable[[], Any]) -> int:
    import torch
    from torch.autograd.graph import saved_tensors_hooks

    known = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
    found: dict[int, int] = {}
    alive = []  # so that no address is used twice

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        alive.append(tensor)
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            found[storage._cdata] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        output = run()
    del output
    return sum(found.values())


def _between(layer: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], tuple[int, ...]]:
    """A layer between two convolutions of eight channels."""
    return lambda nn: nn.Sequential(nn.Conv2d(8, 8, 3), layer(nn), nn.Conv2d(8, 4, 1)), (8, 16, 16)


def _composed(forward: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
    """A layer that is a few lines of code."""

    def make(nn: Any) -> Any:
        import torch

        return type("Composed", (nn.Module,), {"forward": lambda self, x: forward(torch, nn.functional, x)})()

    return make


def _attending(layer: Callable[[Any], Any], **options: Any) -> tuple[Callable[[Any], Any], tuple[int, ...]]:
    """A layer that reads the same three times."""

    def make(nn: Any) -> Any:
        class Net(nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.a = layer(nn)

            def forward(self, x: Any) -> Any:
                return self.a(x, x, x, **options)[0]

        return Net()

    return make, (12, 32)


def _recurring(kind: str, **options: Any) -> tuple[Callable[[Any], Any], tuple[int, ...]]:
    def make(nn: Any) -> Any:
        class Net(nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.r = getattr(nn, kind)(6, 16, 2, batch_first=True, **options)
                width = options.get("proj_size", 16) * (1 + options.get("bidirectional", False))
                self.l = nn.Linear(width, 4)

            def forward(self, x: Any) -> Any:
                return self.l(self.r(x)[0])

        return Net()

    return make, (10, 6)


def _of(nn: Any, name: str) -> Any:
    """A function that is written over its input."""
    return nn.Threshold(0.1, 0.0, inplace=True) if name == "Threshold" else getattr(nn, name)(inplace=True)


MODULES = {
    "pooled to a size": _between(lambda nn: nn.AdaptiveAvgPool2d(5)),
    "maxima of a size": _between(lambda nn: nn.AdaptiveMaxPool2d(3)),
    "nearest": _between(lambda nn: nn.Upsample(scale_factor=2)),
    "bicubic": _between(lambda nn: nn.Upsample(size=(24, 24), mode="bicubic")),
    "zeros around": _between(lambda nn: nn.ZeroPad2d((1, 2, 3, 4))),
    "a mirror around": _between(lambda nn: nn.ReflectionPad2d(2)),
    "a mirror at some sides": _between(lambda nn: nn.ReflectionPad2d((1, 2, 3, 4))),
    "the border again": _between(lambda nn: nn.ReplicationPad2d(3)),
    "the other end around": _between(lambda nn: nn.CircularPad2d(2)),
    "a convolution on a mirror": _between(lambda nn: nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")),
    "a convolution on the border": _between(lambda nn: nn.Conv2d(8, 8, 3, padding=1, padding_mode="replicate")),
    "log softmax": _between(lambda nn: nn.LogSoftmax(1)),
    "softmin": _between(lambda nn: nn.Softmin(1)),
    "softsign": _between(lambda nn: nn.Softsign()),
    "instances": _between(lambda nn: nn.InstanceNorm2d(8)),
    "batches without scales": _between(lambda nn: nn.BatchNorm2d(8, affine=False)),
    "neighbours": _between(lambda nn: nn.LocalResponseNorm(3)),
    "turned": _between(_composed(lambda torch, f, x: torch.roll(x, 2, 2).flip(3))),
    "powers": _between(_composed(lambda torch, f, x: ((x.exp() + 1).log() ** 2 / 3).sqrt())),
    "extremes": _between(_composed(lambda torch, f, x: x - x.amax(1, keepdim=True) + x.mean(1, keepdim=True))),
    **{
        f"{name} in place": _between(lambda nn, name=name: nn.Sequential(nn.BatchNorm2d(8), _of(nn, name)))
        for name in ("ReLU", "LeakyReLU", "ELU", "CELU", "SELU", "SiLU", "Hardtanh", "RReLU", "Threshold")
    },
    "whole channels dropped": _between(lambda nn: nn.Sequential(nn.ReLU(), nn.Dropout2d(0.3))),
    "several axes": _between(lambda nn: nn.LayerNorm([14, 14])),
    "tracked instances": _between(lambda nn: nn.InstanceNorm2d(8, affine=True, track_running_stats=True)),
    "log sigmoid": _between(lambda nn: nn.LogSigmoid()),
    "the places of maxima": _between(_composed(lambda torch, f, x: x - x.max(1, keepdim=True)[0])),
    "sorted and chosen": _between(_composed(lambda torch, f, x: x.sort(1)[0].where(x > 0, 0.5).cumsum(1))),
    "lengths": _between(_composed(lambda torch, f, x: f.normalize(x, dim=1) + x.std(1, keepdim=True))),
    "copies": _between(_composed(lambda torch, f, x: x.transpose(2, 3).contiguous() @ x.transpose(2, 3))),
    "packed attention": _attending(lambda nn: nn.MultiheadAttention(32, 4, batch_first=True), need_weights=False),
    "dropping attention": _attending(lambda nn: nn.MultiheadAttention(32, 4, 0.1, batch_first=True), need_weights=False),
    "lstm": _recurring("LSTM"),
    "lstm with dropout": _recurring("LSTM", dropout=0.2),
    "gru both ways with dropout": _recurring("GRU", dropout=0.2, bidirectional=True),
    "projected lstm": _recurring("LSTM", proj_size=5),
    "gru": _recurring("GRU"),
    "rnn": _recurring("RNN"),
}  # fmt: skip


class _Named:
    """The modules of a dictionary as attributes."""

    def __init__(self, modules: Any) -> None:
        self._modules = modules

    def __getattr__(self, name: str) -> Any:
        return self._modules[name]
