"""The processor of this machine, as the system tells it. Needs nothing but that."""

from __future__ import annotations

from pathlib import Path

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


def _told() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


__all__ = ["isa", "processor"]
