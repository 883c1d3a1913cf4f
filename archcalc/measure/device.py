"""What runs a network: the CPU, or CUDA for real.

A session that is asked for CUDA where that can't work warns and runs on the CPU. Here it is an error that says what is
missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archcalc.errors import UsageError, among
from archcalc.measure.processor import processor
from archcalc.measure.session import FATAL, FOLDER, failed, runtime, sentence
from archcalc.onnx import Model, StoredModel
from archcalc.records import Record
from archcalc.untyped import Array, Json

KINDS = ("cpu", "cuda")
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
SEARCHES = {"heuristic": "HEURISTIC", "exhaustive": "EXHAUSTIVE"}
CRASHING = ["MatmulTransposeFusion"]  # onnxruntime 1.32 dies where it meets recurrent layers in half precision on a CPU
INSTALL = "pip install 'archcalc[cuda]' (onnxruntime must not be installed beside it: pip uninstall onnxruntime)"


class Device(Record):
    """`threads`: of the CPU, None for onnxruntime's own choice. `tf32` and `search` (how cuDNN picks an algorithm) are
    CUDA's.
    """

    kind: str = "cpu"
    threads: int | None = None
    tf32: bool = True
    search: str = "heuristic"

    def agree(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"unknown device '{self.kind}'{among(self.kind, KINDS)}")
        if self.search not in SEARCHES:
            raise UsageError(f"unknown search '{self.search}'{among(self.search, SEARCHES)}")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"threads must be a positive whole number, got {self.threads}")

    @property
    def provider(self) -> str:
        """The name of ONNX Runtime's execution provider."""
        return PROVIDERS[self.kind]

    def describe(self) -> dict[str, Json]:
        """The machine, as a report names it."""
        if self.kind == "cpu":
            return {"type": "cpu", "name": processor(), "threads": self.threads or _cores()}
        return {
            "type": "cuda",
            "tf32": self.tf32,
            "cudnn_search": self.search,
            "cudnn": "libcudnn" in _mapped(),
            **_gpu(),
        }


class Runner:
    """A network on a device, optimised as far as onnxruntime goes; calling it runs it once.

    Inputs and outputs of CUDA stay on the GPU. `profile` is the beginning of the path that a profile is written to.
    """

    def __init__(
        self, model: Model | StoredModel, feed: Mapping[str, Array], device: Device, profile: Path | None = None
    ) -> None:
        ort = runtime()
        options = ort.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = device.threads or 0
        options.add_session_config_entry(
            "session.force_spinning_stop", "1"
        )  # threads that wait busily would be in the next session's way
        if profile is not None:
            options.enable_profiling, options.profile_file_prefix = True, str(profile)
        read = model.readers()
        self.tensors = {
            name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in model.tensors.items() if read[name]
        }
        if self.tensors:
            options.add_external_initializers(list(self.tensors), list(self.tensors.values()))
        if isinstance(model, StoredModel):
            options.add_session_config_entry(FOLDER, model.folder)
        self.outputs = [value.name for value in model.proto.graph.output]
        halves = any(array.dtype == "float16" for array in model.tensors.values())
        without = CRASHING if halves and device.kind == "cpu" else []
        self.session = _session(ort, model.exposing(self.outputs), options, device, without)
        self.is_on_gpu = device.kind == "cuda"
        self.run = self._taking(feed)

    def fed(self, feed: Mapping[str, Array]) -> Runner:
        """With other inputs, run once. Raises UsageError where it can't with these."""
        self.run = self._taking(feed)
        self()
        return self

    def __call__(self) -> None:
        try:
            self.run()
        except Exception as error:  # of onnxruntime, which has no common base for its own
            raise failed("run", error) from None

    def _taking(self, feed: Mapping[str, Array]) -> Callable[[], Any]:
        return self._on_gpu(runtime(), feed) if self.is_on_gpu else self._on_cpu(dict(feed))

    def _on_cpu(self, feed: dict[str, Array]) -> Callable[[], Any]:
        return lambda: self.session.run(self.outputs, feed)

    def _on_gpu(self, ort: Any, feed: Mapping[str, Array]) -> Callable[[], Any]:
        binding = self.session.io_binding()
        for name, array in feed.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array, "cuda", 0))
        for name in self.outputs:
            binding.bind_output(name, "cuda")

        def run() -> None:
            self.session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        return run


def _session(ort: Any, model: bytes, options: Any, device: Device, without: Sequence[str] = ()) -> Any:
    """A session, optimised `without` some of onnxruntime's optimizers."""
    providers: list[Any] = [device.provider]
    if device.kind == "cuda":
        if device.provider not in ort.get_available_providers():
            raise UsageError(
                f"CUDA needs onnxruntime-gpu, and onnxruntime {ort.__version__} here has no {device.provider}:"
                f" {INSTALL}"
            )
        _preload(ort)
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        providers = [
            (device.provider, {"cudnn_conv_algo_search": SEARCHES[device.search], "use_tf32": str(int(device.tf32))})
        ]
    try:
        with _stdout_to_stderr():
            session = ort.InferenceSession(
                model, options, providers=providers, enable_fallback=0, disabled_optimizers=[*without]
            )
    except Exception as error:
        raise (_no_cuda(error) if device.kind == "cuda" else failed("load", error)) from None
    if session.get_providers()[0] != device.provider:
        raise _no_cuda(RuntimeError(f"the session runs on {session.get_providers()[0]}"))
    return session


def _preload(ort: object) -> None:
    """Load the CUDA libraries that came as wheels, if any did."""
    if hasattr(ort, "preload_dlls"):
        with _stdout_to_stderr():
            ort.preload_dlls()


def _no_cuda(error: Exception) -> UsageError:
    """What is missing: a GPU, its driver or libraries."""
    words = sentence(error)
    if "memory" in words.lower() and "alloc" in words.lower():
        return failed("load", error)
    if not _gpu():
        return UsageError(
            "CUDA can't be used: there is no NVIDIA GPU here, or no driver for it (nvidia-smi lists none)"
        )
    return UsageError(f"CUDA can't be used, though there is a GPU: {words}; the libraries come with {INSTALL}")


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """What libraries print on stdout would spoil results."""
    sys.stdout.flush()
    try:
        saved = os.dup(1)
        os.dup2(2, 1)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


# ---- the machine -----------------------------------------------------------------------------------------------------


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpu() -> dict[str, Json]:
    """The first GPU's name, driver and clocks in MHz; nothing where nvidia-smi finds none."""
    fields = ("name", "driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem")
    try:
        command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    values = [value.strip() for value in done.stdout.partition("\n")[0].split(",")]
    if done.returncode or len(values) != len(fields):
        return {}
    name, driver, *clocks = values
    return {"name": name, "driver": driver} | dict(
        zip(("sm_mhz", "max_sm_mhz", "memory_mhz"), map(_whole, clocks), strict=True)
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _mapped() -> str:
    """The libraries in this process."""
    try:
        return Path("/proc/self/maps").read_text()
    except OSError:
        return ""


def memory() -> int | None:
    """Bytes of main memory, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
