"""Devices as limits: how much memory they have, as their data sheets say, by the name that `--fit` takes.

A chip is one entry of `CHIPS`. Of a microcontroller it is the largest stretch of memory that one block of activations
can lie in, beside the flash that holds the weights; of a GPU or a computer it is the memory that everything shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archcalc.errors import UsageError, suggest
from archcalc.tuples import NamedTuple

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30
GB = 10**9


class Chip(NamedTuple):
    """What a device has, in bytes, and the document that says so. One with flash runs networks out of it."""

    name: str
    title: str
    memory: int
    flash: int | None
    source: str

    def limits(self, train: bool = False) -> list[tuple[str, int, str]]:
        """What a network may take: the metric, the bytes, and what they are called."""
        if train:
            return [("training", self.memory, f"{self.name}'s memory")]
        if self.flash is None:
            return [("memory", self.memory, f"{self.name}'s memory")]
        return [("arena", self.memory, f"{self.name}'s SRAM"), ("weight_bytes", self.flash, f"{self.name}'s flash")]


_ST = "STMicroelectronics data sheet"
_NVIDIA = "NVIDIA data sheet"
_GEFORCE = "NVIDIA GeForce specifications"
_APPLE = "Apple technical specifications, the most that is sold"
CHIPS = (
    Chip("arduino-nano-33-ble", "Arduino Nano 33 BLE Sense", 256 * KiB, 1 * MiB, "Arduino ABX00031, nRF52840"),
    Chip("arduino-nano-33-iot", "Arduino Nano 33 IoT", 32 * KiB, 256 * KiB, "Arduino ABX00027, SAMD21G18A"),
    Chip("apollo3", "Ambiq Apollo3 Blue (SparkFun Edge)", 384 * KiB, 1 * MiB, "Ambiq Apollo3 Blue data sheet"),
    Chip("esp32", "ESP32-WROOM-32", 520 * KiB, 4 * MiB, "Espressif ESP32 and ESP32-WROOM-32 data sheets"),
    Chip("esp32-s3", "ESP32-S3-WROOM-1-N8, without PSRAM", 512 * KiB, 8 * MiB, "Espressif ESP32-S3-WROOM-1 data sheet"),
    Chip("nrf52840", "Nordic nRF52840", 256 * KiB, 1 * MiB, "Nordic nRF52840 Product Specification"),
    Chip("nrf5340", "Nordic nRF5340, application core", 512 * KiB, 1 * MiB, "Nordic nRF5340 Product Specification"),
    Chip("rp2040", "Raspberry Pi Pico", 264 * KiB, 2 * MiB, "Raspberry Pi RP2040 and Pico data sheets"),
    Chip("rp2350", "Raspberry Pi Pico 2", 520 * KiB, 4 * MiB, "Raspberry Pi RP2350 and Pico 2 data sheets"),
    Chip("stm32f103", "STM32F103xB", 20 * KiB, 128 * KiB, f"{_ST} DS5319"),
    Chip("stm32f412", "STM32F412xG", 256 * KiB, 1 * MiB, f"{_ST} DS11139"),
    Chip("stm32f446", "STM32F446xE", 128 * KiB, 512 * KiB, f"{_ST} DS10693"),
    Chip("stm32f746", "STM32F746xG", 320 * KiB, 1 * MiB, f"{_ST} DS10916"),
    Chip("stm32h743", "STM32H743xI, AXI SRAM of 1 MiB in all", 512 * KiB, 2 * MiB, f"{_ST} DS12110"),
    Chip("stm32l4r5", "STM32L4R5xI (MLPerf Tiny's board)", 640 * KiB, 2 * MiB, f"{_ST} DS12023"),
    Chip("jetson-nano", "NVIDIA Jetson Nano", 4 * GB, None, f"{_NVIDIA}, Jetson Nano module"),
    Chip("jetson-xavier-nx-8gb", "NVIDIA Jetson Xavier NX", 8 * GB, None, f"{_NVIDIA}, Jetson Xavier NX"),
    Chip("jetson-orin-nano-8gb", "NVIDIA Jetson Orin Nano", 8 * GB, None, f"{_NVIDIA}, Jetson Orin Nano series"),
    Chip("jetson-orin-nx-16gb", "NVIDIA Jetson Orin NX", 16 * GB, None, f"{_NVIDIA}, Jetson Orin NX series"),
    Chip("jetson-agx-orin-32gb", "NVIDIA Jetson AGX Orin", 32 * GB, None, f"{_NVIDIA}, Jetson AGX Orin series"),
    Chip("jetson-agx-orin-64gb", "NVIDIA Jetson AGX Orin", 64 * GB, None, f"{_NVIDIA}, Jetson AGX Orin series"),
    Chip("raspberry-pi-4-8gb", "Raspberry Pi 4 Model B", 8 * GB, None, "Raspberry Pi 4 Model B product brief"),
    Chip("raspberry-pi-5-16gb", "Raspberry Pi 5", 16 * GB, None, "Raspberry Pi 5 product brief"),
    Chip("rtx3060", "GeForce RTX 3060", 12 * GiB, None, _GEFORCE),
    Chip("rtx3080", "GeForce RTX 3080", 10 * GiB, None, _GEFORCE),
    Chip("rtx3090", "GeForce RTX 3090", 24 * GiB, None, _GEFORCE),
    Chip("rtx4060", "GeForce RTX 4060", 8 * GiB, None, _GEFORCE),
    Chip("rtx4070", "GeForce RTX 4070", 12 * GiB, None, _GEFORCE),
    Chip("rtx4080", "GeForce RTX 4080", 16 * GiB, None, _GEFORCE),
    Chip("rtx4090", "GeForce RTX 4090", 24 * GiB, None, _GEFORCE),
    Chip("rtx5090", "GeForce RTX 5090", 32 * GiB, None, _GEFORCE),
    Chip("a100-40gb", "A100 40 GB", 40 * GB, None, f"{_NVIDIA}, A100 Tensor Core GPU"),
    Chip("a100-80gb", "A100 80 GB", 80 * GB, None, f"{_NVIDIA}, A100 Tensor Core GPU"),
    Chip("a10", "A10", 24 * GB, None, f"{_NVIDIA}, A10 Tensor Core GPU"),
    Chip("h100", "H100 80 GB", 80 * GB, None, f"{_NVIDIA}, H100 Tensor Core GPU"),
    Chip("h200", "H200", 141 * GB, None, f"{_NVIDIA}, H200 Tensor Core GPU"),
    Chip("l4", "L4", 24 * GB, None, f"{_NVIDIA}, L4 Tensor Core GPU"),
    Chip("l40s", "L40S", 48 * GB, None, f"{_NVIDIA}, L40S GPU"),
    Chip("t4", "T4", 16 * GB, None, f"{_NVIDIA}, T4 Tensor Core GPU"),
    Chip("v100-16gb", "V100 16 GB", 16 * GB, None, f"{_NVIDIA}, V100 Tensor Core GPU"),
    Chip("v100-32gb", "V100 32 GB", 32 * GB, None, f"{_NVIDIA}, V100 Tensor Core GPU"),
    Chip("mi300x", "Instinct MI300X", 192 * GB, None, "AMD Instinct MI300X data sheet"),
    Chip("m1", "Apple M1", 16 * GB, None, _APPLE),
    Chip("m1-max", "Apple M1 Max", 64 * GB, None, _APPLE),
    Chip("m2", "Apple M2", 24 * GB, None, _APPLE),
    Chip("m2-max", "Apple M2 Max", 96 * GB, None, _APPLE),
    Chip("m3", "Apple M3", 24 * GB, None, _APPLE),
    Chip("m3-max", "Apple M3 Max", 128 * GB, None, _APPLE),
    Chip("m4", "Apple M4", 32 * GB, None, _APPLE),
    Chip("m4-max", "Apple M4 Max", 128 * GB, None, _APPLE),
)
NAMES = tuple(chip.name for chip in CHIPS)


def chip(name: str) -> Chip:
    """A device by its name. Raises UsageError for one that isn't known."""
    for found in CHIPS:
        if found.name == name:
            return found
    hint = suggest(name, NAMES, "`archcalc devices` lists them")
    raise UsageError(f"there is no device '{name}' to fit{hint}; a limit of your own is --max memory=8GiB")


def limits(names: Iterable[str], train: bool = False) -> list[tuple[str, int, str]]:
    """What a network may take to fit all of these devices. Raises UsageError."""
    return [limit for name in names for limit in chip(name).limits(train)]


def spelled(size: int) -> str:
    """Bytes as a data sheet writes them: `512KiB`, `80G` for 80 * 10**9."""
    for unit, suffix in ((GiB, "GiB"), (GB, "G"), (MiB, "MiB"), (KiB, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit}{suffix}"
    return f"{size}B"


# ---- lists -----------------------------------------------------------------------------------------------------------

HEADINGS = ("name", "device", "memory", "flash", "times", "source")


def listing(form: str = "table", names: Sequence[str] = ()) -> str:
    """What `--fit` and `--device` know, or only of some by name, as a table, Markdown or JSON. Raises UsageError for
    another format, and for a device that isn't known.
    """
    from archcalc.render.formats import DEVICES, writer

    return writer(DEVICES, form)(names)


def json(names: Sequence[str] = ()) -> str:
    """For programs."""
    from archcalc import escapes

    return escapes.json({"schema": "archcalc/devices/1", "devices": _plain(names)})


def markdown(names: Sequence[str] = ()) -> str:
    """A pipe table, and what it is about."""
    return table(names, piped=True)


def table(names: Sequence[str] = (), piped: bool = False) -> str:
    """For a terminal, or as a pipe table."""
    from archcalc.render.grid import listing as grid

    rows = [[*row[:2], *map(_room, row[2:4]), *row[4:]] for row in _rows(names)]
    told = "memory, flash: limits for --fit; times: predicted with --device, calibrated, or bounded by a roofline"
    return f"{grid(list(HEADINGS), rows, ('name', 'device', 'times', 'source'), piped)}\n\n{told}"


def _rows(asked: Sequence[str]) -> list[tuple[str, str, int | None, int | None, str, str]]:
    """Devices with limits, then those that times are predicted on; of those asked for, or all."""
    from archcalc.latency.profile import device_names, load_profile

    profiles = {name: load_profile(name) for name in device_names()}
    rows: list[tuple[str, str, int | None, int | None, str, str]] = [
        (chip.name, chip.title, chip.memory, chip.flash, profiles[chip.name].kind if chip.name in profiles else "",
         chip.source)
        for chip in CHIPS
    ]  # fmt: skip
    others = {name: found for name, found in profiles.items() if name not in NAMES}
    rows += [(name, found.name, None, None, found.kind, "") for name, found in others.items()]
    known = [row[0] for row in rows]
    for name in asked:
        if name not in known:
            raise UsageError(f"there is no device '{name}'{suggest(name, known, '`archcalc devices` lists them')}")
    return [row for row in rows if not asked or row[0] in asked]


def _room(size: int | None) -> str:
    return "" if size is None else spelled(size)


def _plain(asked: Sequence[str]) -> list[dict[str, str | int | None]]:
    names = ("name", "title", "memory_bytes", "flash_bytes", "profile", "source")
    return [
        {name: value if value != "" else None for name, value in zip(names, row, strict=True)} for row in _rows(asked)
    ]


__all__ = ["CHIPS", "NAMES", "Chip", "chip", "limits", "listing", "spelled"]
