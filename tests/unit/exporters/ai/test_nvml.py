"""GPUs through NVIDIA's own binding: without a driver, and over a driver library of ours (no test machine has the hardware)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from monitoring_kit.exporters.ai import gpu

pynvml = pytest.importorskip("pynvml")
STUB = Path(__file__).with_name("nvml_stub.c")
LABELS = r'\{gpu="(\d)",gpu_uuid="(GPU-\w)"(?:,reason="(\w+)")?\}'
PROGRAM = """
import logging
logging.basicConfig(level=logging.DEBUG)
from monitoring_kit.exporters.ai.build import make_exporter
from monitoring_kit.exporters.ai.config import parse_config
from monitoring_kit.exporters.ai.parts import Lasting
from monitoring_kit.exporters.runtime import Deadline

made = make_exporter(parse_config({"model": {"name": "m"}, "gpu": "auto", "process": False}), Lasting())
for start in made.start:
    start()
print(made.registry.gather(Deadline.after(5)).render("text").decode())
for close in made.close:
    close()
made.registry.close()
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The exporter's exposition in a process that finds libraries in that folder first."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60, env=environment
    )


def test_without_a_driver_there_is_no_metric_and_no_noise(tmp_path: Path) -> None:
    tmp_path.joinpath("libnvidia-ml.so.1").write_bytes(b"")  # Even on a machine with a driver.
    done = run(tmp_path)
    assert "mkit_model_info" in done.stdout
    assert "gpu" not in done.stdout
    assert done.stderr == ""


@pytest.fixture(scope="module")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", str(library), str(STUB)], check=True)
    return run(folder).stdout


def test_the_real_binding_reads_what_each_device_knows(exposition: str) -> None:
    found = {
        (name, device, reason): float(value)
        for name, device, _, reason, value in re.findall(rf"^mkit_model_gpu_(\w+){LABELS} (\S+)$", exposition, re.M)
    }
    throttled = {("throttled", "0", reason): 0.0 for reason in gpu._REASONS}
    throttled |= {("throttled", "0", "power_cap"): 1.0, ("throttled", "0", "hw_thermal"): 1.0}
    both = {
        ("utilization_ratio", 0.75),
        ("memory_used_bytes", 2.0**30),
        ("memory_total_bytes", 2.0**34),
        ("temperature_celsius", 61.0),
    }
    assert found == {
        **{(name, device, ""): value for name, value in both for device in "01"},
        # Millijoules of the counter; milliwatts only where there is none.
        ("energy_joules_total", "0", ""): 5000000000.5,
        ("power_watts", "1", ""): 70.5,
        **throttled,
    }  # fmt: skip
    assert 'gpu="1",gpu_uuid="GPU-b"' in exposition


def test_the_bits_and_the_sensor_are_those_of_the_binding() -> None:
    names = {
        "power_cap": "SwPowerCap", "hw_slowdown": "HwSlowdown", "sync_boost": "SyncBoost",
        "sw_thermal": "SwThermalSlowdown", "hw_thermal": "HwThermalSlowdown", "hw_power_brake": "HwPowerBrakeSlowdown",
    }  # fmt: skip
    assert {ours: getattr(pynvml, f"nvmlClocksEventReason{theirs}") for ours, theirs in names.items()} == gpu._REASONS
    assert pynvml.NVML_TEMPERATURE_GPU == 0
    sentinels = (pynvml.NVML_VALUE_NOT_AVAILABLE_uint, pynvml.NVML_VALUE_NOT_AVAILABLE_ulonglong)
    assert not any(gpu.known(sentinel.value) for sentinel in sentinels)
