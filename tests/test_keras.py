"""Models of Keras, which are modules where its backend is torch: parameters are those that Keras prints."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import archcalc as api
from archcalc.errors import UsageError

MISSING = [name for name in ("keras", "torch") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} aren't installed"),
]
NET = """
import keras
from keras import layers


def net(width=8):
    given = keras.Input((16, 16, 3))
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name="c1")(given)
    x = layers.BatchNormalization(name="b1")(x)
    x = layers.ReLU(name="r")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="dw")(x)
    x = layers.GlobalAveragePooling2D(name="g")(x)
    return keras.Model(given, layers.Dense(10, name="d")(layers.Dropout(0.2)(x)))


def nested():
    inner = keras.Sequential([keras.Input((12,)), layers.Dense(6, name="one"), layers.Dense(12, name="two")], name="inner")
    shared = layers.Dense(12, name="shared")
    shared_input = keras.Input((12,))
    model = keras.Model(shared_input, shared(inner(shared(shared_input))))
    inner.trainable = False
    return model


def unbuilt():
    return keras.Sequential([layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(10)])


def any_size():
    given = keras.Input((None, None, 3))
    return keras.Model(given, layers.Conv2D(8, 3)(given))


def recurrent():
    return keras.Sequential([keras.Input((12,), dtype="int32"), layers.Embedding(100, 8), layers.LSTM(16)])


def pair(named=False):
    a, b = keras.Input((4,), name="a"), keras.Input((6,), name="b")
    return keras.Model({"a": a, "b": b} if named else [a, b], layers.Dense(3)(layers.Concatenate()([a, b])))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, x):
        return self.dense(x)
"""
# Parameters as `model.summary()` of Keras 3.15.1 prints them (total, trainable); MACs, where there are some, half of what
# torch's FlopCounterMode counts of a run. In millions the totals are those of the table at keras.io/api/applications.
APPLICATIONS: dict[str, tuple[int, int, int | None]] = {
    "VGG16": (138_357_544, 138_357_544, 15_470_264_320),
    "ResNet50": (25_636_712, 25_583_592, 3_857_973_248),
    "MobileNet": (4_253_864, 4_231_976, 568_740_352),
    "EfficientNetB0": (5_330_571, 5_288_548, 385_814_752),
    "MobileNetV2": (3_538_984, 3_504_872, None),
    "MobileNetV3Small": (2_554_968, 2_542_856, None),
    "MobileNetV3Large": (5_507_432, 5_483_032, None),
    "DenseNet121": (8_062_504, 7_978_856, None),
    "Xception": (22_910_480, 22_855_952, None),
    "InceptionV3": (23_851_784, 23_817_352, None),
    "ResNet50V2": (25_613_800, 25_568_360, None),
    "ConvNeXtTiny": (28_589_128, 28_589_128, None),
    "EfficientNetV2B0": (7_200_312, 7_139_704, None),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    (tmp_path / "kerasnets.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "kerasnets", raising=False)
    return tmp_path


def layers_of(found: Any) -> dict[str, int]:
    """Parameters by Keras's layer."""
    sums: dict[str, int] = {}
    for row in found:
        name = row["name"].partition("/")[0]
        sums[name] = sums.get(name, 0) + row["params"]
    return sums


def test_a_model_has_the_layers_and_parameters_of_keras(archcalc: Any, here: Path) -> None:
    done = archcalc("count", "kerasnets:net", "--input", "16x16x3", "--format", "json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    layers = layers_of(found["layers"])
    assert {name: layers[name] for name in ("c1", "b1", "dw", "d")} == {
        "c1": 3 * 3 * 3 * 8, "b1": 2 * 8, "dw": 9 * 8 + 8, "d": 8 * 10 + 10
    }  # fmt: skip
    assert found["totals"]["buffers"] == 2 * 8
    assert found["totals"]["macs"] == 256 * 8 * 27 + 256 * 8 * 9 + 80


def test_layers_are_shared_nested_and_frozen_as_in_keras(here: Path) -> None:
    model = __import__("kerasnets").nested()
    before = list(model._modules)
    found = api.from_torch(model, (12,)).count().totals
    assert found["params"] == model.count_params() == (12 * 12 + 12) + (12 * 6 + 6) + (6 * 12 + 12)
    assert found["trainable_params"] == 12 * 12 + 12
    assert found["macs"] == 2 * 144 + 72 + 72
    assert list(model._modules) == before


def test_statistics_that_no_layer_reads_are_counted_as_keras_does(here: Path) -> None:
    import keras

    given = [keras.Input((4, 4, 3)), keras.layers.Normalization(name="norm"), keras.layers.Conv2D(2, 1, name="conv")]
    model = keras.Sequential(given)
    found = api.from_torch(model, (4, 4, 3)).count().totals
    assert (found["params"], found["buffers"], model.count_params()) == (3 * 2 + 2, 3 + 3 + 1, 15)


def test_what_failed_inside_of_a_layer_is_said(here: Path) -> None:
    with pytest.raises(UsageError, match=r"torch\.export fails: \w+: .*shape"):
        api.from_torch(__import__("kerasnets").net(), (3, 16, 16)).count()


def count(archcalc: Any, *words: str) -> Any:
    done = archcalc("count", *words, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)["totals"]


def test_a_model_that_its_first_call_makes_has_its_weights(archcalc: Any, here: Path) -> None:
    found = count(archcalc, "kerasnets:unbuilt", "--input", "32x32x3")
    assert found["params"] == 27 * 8 + 8 + 30 * 30 * 8 * 10 + 10
    assert count(archcalc, "kerasnets:Own", "--input", "8")["macs"] == 32


@pytest.mark.parametrize("inputs", [("4", "6"), ("b=6", "a=4")])
@pytest.mark.parametrize("named", ["false", "true"])
def test_several_inputs_stand_in_order_or_by_name(
    archcalc: Any, here: Path, inputs: tuple[str, ...], named: str
) -> None:
    given = [word for text in inputs for word in ("--input", text)]
    assert count(archcalc, "kerasnets:pair", *given, "--set", f"named={named}")["macs"] == 10 * 3
    done = archcalc("count", "kerasnets:pair", "--input", "4")
    assert "takes a, b: --input a=... --input b=..." in done.err


def test_free_sizes_of_a_model_are_free(archcalc: Any, here: Path) -> None:
    done = archcalc("count", "kerasnets:any_size", "--input", "hxwx3", "--columns", "layer,macs")
    assert "216hw - 432h - 432w + 864" in done.out.replace("·", ""), done.out + done.err  # 8 x 27 (h - 2)(w - 2)


def test_steps_that_are_walked_one_by_one_are_not_free(archcalc: Any, here: Path) -> None:
    done = archcalc("count", "kerasnets:recurrent", "--input", "n:int32")
    assert done.code == 2
    assert "fixes n to 32" in done.err
    assert count(archcalc, "kerasnets:recurrent", "--input", "12:int32")["macs"] == 12 * (8 + 16) * 4 * 16


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications_have_the_parameters_that_keras_prints(here: Path, name: str) -> None:
    import keras

    total, trainable, macs = APPLICATIONS[name]
    model = getattr(keras.applications, name)(weights=None)
    table = api.from_torch(model, tuple(side or 224 for side in model.input_shape[1:])).count()
    found = table.totals
    assert (found["params"] + found["buffers"], found["params"]) == (total, trainable)
    assert macs in (None, found["macs"])
    assert table.graph.uncounted == []
