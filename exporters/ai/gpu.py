"""NVIDIA GPUs through NVML (nvidia-ml-py, extra ``gpu``); without it, or without a GPU, there is nothing and no noise.

Source of the meanings: NVML API reference. NOT_SUPPORTED and sentinel values leave the sample out.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from ..runtime import CollectError, Deadline, FamilyRows, Registry
from .families import THROTTLES as _REASONS
from .families import gpu_specs

log = logging.getLogger(__name__)

# NVML's NVML_VALUE_NOT_AVAILABLE as signed and unsigned numbers of 32 and 64 bits.
_SENTINELS = frozenset({-1, (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1, 9223372036854775794})


def open_nvml() -> Any:
    """The NVML binding, ready; None when there is no binding, no driver or no GPU."""
    try:
        pynvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return pynvml if pynvml.nvmlDeviceGetCount() else None
    except pynvml.NVMLError:
        return None


class GpuCollector:
    """All NVIDIA GPUs that NVML shows."""

    name = "gpu"

    def __init__(self, nvml: Any, registry: Registry) -> None:
        self._nvml = nvml
        self._families: dict[str, Any] = {short: registry.declare(spec) for short, spec in gpu_specs().items()}
        self.families = tuple(self._families.values())

    def collect(self, deadline: Deadline) -> Iterator[FamilyRows]:
        """One row a GPU and figure; a figure that a device does not have is left out."""
        rows: dict[str, list[tuple[tuple[str, ...], float]]] = {short: [] for short in self._families}
        try:
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError as error:
            raise CollectError("nvml", f"NVML: {error}") from None
        for index in range(count):
            self._device(index, rows)
        for short, family in self._families.items():
            yield FamilyRows(family, rows[short])

    def _device(self, index: int, rows: dict[str, list[tuple[tuple[str, ...], float]]]) -> None:
        nvml = self._nvml
        handle = self._ask(nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            return
        uuid = self._ask(nvml.nvmlDeviceGetUUID, handle) or ""
        labels = (str(index), uuid.decode() if isinstance(uuid, bytes) else str(uuid))
        for short, value in self._figures(handle).items():
            rows[short].append((labels, value))
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        if reasons is not None:
            for reason, bit in _REASONS.items():
                rows["gpu_throttled"].append(((*labels, reason), float(bool(reasons & bit))))

    def _figures(self, handle: Any) -> dict[str, float]:
        nvml = self._nvml
        out: dict[str, float] = {}
        utilization = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        if utilization is not None and known(utilization.gpu) and 0 <= utilization.gpu <= 100:
            out["gpu_utilization_ratio"] = utilization.gpu / 100
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        if memory is not None and known(memory.used) and known(memory.total):
            out["gpu_memory_used_bytes"] = float(memory.used)
            out["gpu_memory_total_bytes"] = float(memory.total)
        energy = self._ask(nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        if known(energy):
            out["gpu_energy_joules_total"] = energy / 1000
        else:
            power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
            if known(power):
                out["gpu_power_watts"] = power / 1000
        temperature = self._ask(nvml.nvmlDeviceGetTemperature, handle, 0)
        if known(temperature):
            out["gpu_temperature_celsius"] = float(temperature)
        return out

    def _ask(self, question: Callable[..., Any], *args: Any) -> Any:
        """The answer; None when the device has none."""
        try:
            return question(*args)
        except self._nvml.NVMLError:
            return None

    def close(self) -> None:
        """Let NVML go."""
        self._ask(self._nvml.nvmlShutdown)


def known(value: Any) -> bool:
    """Whether NVML knows the figure: sentinels and negative numbers stand for not available."""
    return value is not None and value not in _SENTINELS and value >= 0
