"""The kernels of a network are those that onnxruntime makes of it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from archcalc.latency.kernels import Kernel, kernels
from archcalc.model import load
from archcalc.question import Question

NETWORKS = {
    "resnet18": {"size": "64"},
    "mobilenet_v2": {"size": "64"},
    "mobilenet_v3_small": {"size": "64"},
    "efficientnet_b0": {"size": "64"},
    "googlenet": {},
    "squeezenet1_1": {"size": "64"},
    "shufflenet_v2_x1_0": {"size": "64"},
    "resnext29_32x4d": {},
    "convnext_tiny": {"size": "64"},
    "densenet-40-12": {},
    "highway": {},
    "xception": {"size": "96"},
    "unet": {},
}


def of(name: str, block: int = 16, **options: Any) -> tuple[list[Kernel], dict[int, str]]:
    table = load(name).answer(Question(NETWORKS.get(name, {})))
    return kernels(table.graph, block, **options), {n: node.name for n, node in enumerate(table.graph.nodes)}


@pytest.mark.parametrize("name", NETWORKS)
def test_as_many_convolutions_and_turned_layouts_as_onnxruntime_makes(name: str, tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    block = 16 if "avx512f" in _cpu() else 8
    if "avx2" not in _cpu():
        pytest.skip("onnxruntime has blocks of channels with AVX2 and AVX-512 only")
    from archcalc.onnx import export

    table = load(name).answer(Question(NETWORKS[name]))
    export(table, tmp_path / "net.onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    ort.InferenceSession(str(tmp_path / "net.onnx"), options, providers=["CPUExecutionProvider"])
    made = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)

    found = Counter(_group(kernel.kind) for kernel in kernels(table.graph, block))
    assert found["conv"] == made["Conv"] + made["FusedConv"] + made["BatchNormalization"]
    assert found["reorder"] == made["ReorderInput"] + made["ReorderOutput"]


def _group(kind: str) -> str:
    return "conv" if kind.startswith(("conv", "dwconv", "bn")) and kind != "conv_transpose" else kind


def test_a_convolution_takes_normalisation_sum_and_activation_with_it() -> None:
    found, names = of("resnet18")
    by_name = {names[kernel.node]: [names[n] for n in kernel.takes] for kernel in found}
    assert by_name["conv1"] == ["conv1.bn", "conv1.relu"]
    assert by_name["conv2/1/basic/conv2"] == ["conv2/1/basic/conv2.bn", "conv2/1/add", "conv2/1/relu"]


def test_each_layer_is_done_once() -> None:
    for name in ("googlenet", "mobilenet_v3_small", "densenet-40-12"):
        found, _ = of(name)
        table = load(name).answer(Question(NETWORKS[name]))
        done = [n for kernel in found if kernel.kind != "reorder" for n in (kernel.node, *kernel.takes)]
        moves = [n for n in table.graph.layers() if table.graph.nodes[n].op.word in ("dropout", "flatten", "reshape")]
        assert sorted({*done, *moves}) == table.graph.layers()
        assert len(done) == len(set(done))


def test_a_framework_that_fuses_nothing_has_a_kernel_a_layer() -> None:
    found, names = of("resnet18", block=1, fuses=False)
    assert [names[kernel.node] for kernel in found][:3] == ["conv1", "conv1.bn", "conv1.relu"]
    assert all(kernel.takes == () and kernel.kind != "reorder" for kernel in found)


def test_work_of_a_convolution_by_hand(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "archcalc: 1\nname: n\ninput: [24, 28, 28]\nlayers:\n  - conv 72 3x3 bias=false act=sigmoid\n", encoding="utf-8"
    )
    turned_in, conv, turned_out = kernels(load(str(spec)).count().graph, 16)
    assert (turned_in.kind, turned_in.work.inputs) == ("reorder", 24 * 28 * 28)
    assert (turned_out.kind, turned_out.work.inputs) == ("reorder", 72 * 28 * 28)
    assert conv.kind == "conv_3x3"
    inside = 3 * 28 - 2  # taps of a row that lie inside of the map
    assert conv.work.macs == 80 * 32 * inside**2  # 72 and 24 filled up to blocks of 16
    assert conv.work.loads == 2 * 32 * inside**2  # 80 filters in two sets of at most 64
    assert conv.work.edges == 80 * 32 * inside * 2 * 2  # two columns reach into the padding, with two taps inside
    assert conv.work.weights == 72 * 24 * 9
    assert (conv.work.inputs, conv.work.outputs, conv.work.activated) == (24 * 28 * 28, 72 * 28 * 28, 72 * 28 * 28)


def _cpu() -> str:
    """What Linux says of the processor; nothing elsewhere."""
    about = Path("/proc/cpuinfo")
    return about.read_text(encoding="utf-8") if about.exists() else ""
