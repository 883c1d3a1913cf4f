"""The processor of this machine, as the system tells it. Needs nothing but that."""

from __future__ import annotations

from functools import cache

WIDEST = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sve": "SVE", "asimd": "NEON"}  # the widest first


def processor() -> str:
    """Its name."""
    for line in _told():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    import platform

    return platform.processor() or platform.machine()


def isa() -> str | None:
    """Its widest vectors, where Linux tells."""
    flags = next((line for line in _told() if line.startswith(("flags", "Features"))), "").split()
    return next((name for flag, name in WIDEST.items() if flag in flags), None)


@cache
def _told() -> list[str]:
    """Lines, read once: of many cores they are long. Without `pathlib`, which `predict` would import for this alone."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


__all__ = ["isa", "processor"]
