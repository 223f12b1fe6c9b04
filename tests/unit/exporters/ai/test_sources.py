"""What the exporter reads itself: endpoints of model servers, processes, GPUs; and its configuration."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from monitoring_kit.exporters.ai.config import parse_config, read_config
from monitoring_kit.exporters.ai.gpu import GpuCollector, known
from monitoring_kit.exporters.ai.process import ProcessCollector, Processes
from monitoring_kit.exporters.ai.spec_config import from_spec
from monitoring_kit.exporters.runtime import ConfigError, Deadline, Registry
from monitoring_kit.exporters.runtime.process import ProcessFigures

from tests.unit.exporters.ai.rig import Rig

TRITON = """\
# HELP nv_inference_request_success Number of successful inference requests
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="resnet",version="1"} 90
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="resnet",version="1",reason="OTHER"} 4
nv_inference_request_failure{model="resnet",version="1",reason="CANCELED"} 6
# TYPE nv_inference_exec_count counter
nv_inference_exec_count{model="resnet",version="1"} 30
# TYPE nv_inference_compute_infer_duration_us counter
nv_inference_compute_infer_duration_us{model="resnet",version="1"} 1500000
# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{gpu_uuid="GPU-1"} 0.5
# TYPE something_else gauge
something_else 1
"""
VLLM = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="llama",engine="0"} 3
vllm:num_requests_running{model_name="llama",engine="1"} 2
# TYPE vllm:e2e_request_latency_seconds histogram
""" + "\n".join(
    f'vllm:e2e_request_latency_seconds_bucket{{model_name="llama",le="{le}"}} {min(n * 2, 30)}'
    for n, le in enumerate(["0.3", "0.5", "0.8", "1.0", "1.5", "2.0", "2.5", "5.0", "10.0", "15.0", "20.0", "30.0", "40.0", "50.0", "60.0", "120.0", "+Inf"])
) + """
vllm:e2e_request_latency_seconds_sum{model_name="llama"} 99.5
vllm:e2e_request_latency_seconds_count{model_name="llama"} 30
"""  # fmt: skip


class Endpoint:
    """An HTTP endpoint on a loopback port that answers what it is told."""

    def __init__(self) -> None:
        self.status, self.body, self.delay = 200, b"", 0.0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(endpoint.delay)
                self.send_response(endpoint.status)
                if endpoint.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(endpoint.body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/metrics"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


def scraping(endpoint: Endpoint, mapping: Any, metrics: Any = None, **more: Any) -> Rig:
    scrape = {"url": endpoint.url, "mapping": mapping, "timeout": 0.5, **more}
    return Rig({"scrape": scrape, "gpu": False, "ingest": {"http": True}, "metrics": metrics or {}})


def test_triton(endpoint: Endpoint) -> None:
    endpoint.body = TRITON.encode()
    with scraping(endpoint, "triton") as rig:
        labels = {"model": "resnet", "version": "1"}
        assert rig.value("mkit_model_predictions_total", **labels) == 100
        assert rig.value("mkit_model_prediction_errors_total", **labels) == 10
        assert rig.value("mkit_model_batches_total", **labels) == 30
        assert rig.value("mkit_model_stage_seconds_total", **labels, stage="infer") == pytest.approx(1.5)
        assert rig.value("mkit_model_gpu_utilization_ratio", gpu_uuid="GPU-1") == 0.5
        assert "something_else" not in rig.text()
        # What the endpoint fills no event may touch.
        rig.intake.items("http", [["c", "mkit_model_batches_total", labels, 1, 1]])
        assert rig.dropped("http", "unknown_metric") == 1


def test_vllm(endpoint: Endpoint) -> None:
    endpoint.body = VLLM.encode()
    with scraping(endpoint, "vllm") as rig:
        assert rig.value("mkit_model_in_flight", model="llama") == 5
        assert rig.value("mkit_model_request_duration_seconds_count", model="llama") == 30
        assert rig.value("mkit_model_request_duration_seconds_sum", model="llama") == 99.5
        assert 'mkit_model_request_duration_seconds_bucket{model="llama",le="1.0"} 6' in rig.text()


def test_buckets_that_the_endpoint_lacks_fail_that_family_alone(endpoint: Endpoint) -> None:
    endpoint.body = VLLM.replace('le="1.0"', 'le="1.1"').encode()
    with scraping(endpoint, "vllm") as rig:
        assert rig.value("mkit_model_in_flight", model="llama") == 5
        assert rig.value("mkit_model_request_duration_seconds_count", model="llama") is None
        assert (rig.value("mkit_ai_collector_errors_total", collector="scrape", reason="buckets") or 0) >= 1


def test_a_metric_that_vanishes_is_named_once(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    def gone() -> list[str]:
        return [record.__dict__["metrics"] for record in caplog.records if "no longer has" in record.message]

    endpoint.body = VLLM.encode()
    with scraping(endpoint, "vllm") as rig:
        rig.text()
        assert not gone()
        for _ in range(2):
            endpoint.body = VLLM.replace("vllm:num_requests_running", "vllm:running").encode()
            for _ in range(3):
                rig.text()
            assert gone() == ["vllm:num_requests_running"]
        # Back and away again is news.
        endpoint.body = VLLM.encode()
        rig.text()
        endpoint.body = b""
        rig.text()
        assert gone()[1:] == ["vllm:e2e_request_latency_seconds, vllm:num_requests_running"]


def test_a_scraped_family_is_as_declared(endpoint: Endpoint) -> None:
    endpoint.body = (VLLM + TRITON).encode()
    own = {
        "metrics": {"a_ratio": {"type": "gauge", "help": "The mapping's.", "labels": {"uuid": {}}}},
        "rules": [{"metric": "nv_gpu_utilization", "to": "a_ratio", "labels": {"gpu_uuid": "uuid"}}],
    }
    labels = {"model": {"allow": ["bert"], "else": "other"}, "version": {}}
    declared = {
        "mkit_model_predictions_total": {"type": "counter", "help": "Mine.", "labels": labels},
        "a_ratio": {
            "type": "gauge", "help": "Mine.", "labels": {"uuid": {"pattern": "MIG-.*", "else": "x"}}, "collapse": "max", "valid": [0, 1],
        },
    }  # fmt: skip
    with scraping(endpoint, "triton", metrics=declared) as rig:
        assert rig.value("mkit_model_predictions_total", model="other", version="1") == 100
        assert "# HELP mkit_model_predictions_total Mine.\n" in rig.text()
        assert rig.value("mkit_model_prediction_errors_total", model="resnet", version="1") == 10
    with scraping(endpoint, own, metrics=declared) as rig:
        text = rig.text()
        assert "# HELP a_ratio Mine.\n" in text
        assert 'a_ratio{uuid="x"} 0.5' in text
        family = rig.exporter.registry.family("a_ratio")
        assert (family.spec.collapse, family.spec.valid) == ("max", (0, 1))
    # Buckets are the mapping's, the endpoint's, unless others are declared.
    name = "mkit_model_request_duration_seconds"
    histogram = {"type": "histogram", "help": "Mine.", "labels": {"model": {}}}
    for more, bounds in (({}, 15), ({"buckets": [1.0, 10.0]}, 2)):
        with scraping(endpoint, "vllm", metrics={name: {**histogram, **more}}) as rig:
            assert rig.text().count(f'{name}_bucket{{model="llama"') == bounds + 1


@pytest.mark.parametrize(("status", "body", "delay", "reason"), [
    (500, "", 0, "status"), (302, "", 0, "status"), (200, "nv_x{ 1", 0, "exposition"), (200, "x" * 5000, 0, "too_large"), (200, TRITON, 1.0, "timeout"),
])  # fmt: skip
def test_a_broken_endpoint_leaves_nothing_of_its_own(
    endpoint: Endpoint, status: int, body: str, delay: float, reason: str
) -> None:
    endpoint.status, endpoint.body, endpoint.delay = status, body.encode(), delay
    with scraping(endpoint, "triton", max_bytes=4096) as rig:
        rig.text()
        found = rig.exporter.registry.value("mkit_ai_collector_errors_total", {"collector": "scrape", "reason": reason})
        assert found == 1
        assert "mkit_model_predictions_total{" not in rig.text()


# -- processes --------------------------------------------------------------------------------------------------------------


def test_cpu_of_ended_processes_stays_in_the_counter() -> None:
    registry = Registry("mkit_ai")
    collector = ProcessCollector(("m", "1"), registry, Processes())
    registry.register(collector)

    def scraped(name: str) -> float | None:
        registry.gather(Deadline.after(5))
        return registry.value(f"mkit_model_{name}", {"model": "m", "version": "1"})

    assert scraped("processes") is None
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\ninput()"
    children = [
        subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
        collector.seen(child.pid)
    assert scraped("processes") == 2
    before = scraped("cpu_seconds_total")
    assert before is not None
    assert before >= 0.5
    children[0].communicate(b"\n")
    assert scraped("processes") == 1
    after = scraped("cpu_seconds_total")
    assert after is not None
    assert after >= before
    children[1].communicate(b"\n")
    assert scraped("processes") == 0
    assert (scraped("cpu_seconds_total") or 0) >= before
    collector.seen(0)
    assert scraped("processes") == 0


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="becomes another user")
def test_figures_of_another_users_process_lack_its_open_files_alone() -> None:
    """An image's user is seldom the model's: the kernel shows it CPU and memory of any process, its files not."""
    read = (
        "from monitoring_kit.exporters.runtime.process import boot_time, read_process\n"
        f"figures = read_process(boot_time(), '/proc/{os.getpid()}')\n"
        "print(figures.cpu_seconds > 0, figures.resident_bytes > 1e6, figures.threads >= 1, figures.open_fds)"
    )
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run([*drop, sys.executable, "-c", read], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.split() == ["True", "True", "True", "nan"]


def test_a_sum_of_which_a_part_may_not_be_read_is_left_out() -> None:
    registry = Registry("mkit_ai")
    figures = ProcessFigures(2.0, 1.0, 100.0, 200.0, 5.0, 9.0, 3.0)
    known = {7: figures, 8: replace(figures, open_fds=math.nan)}
    collector = ProcessCollector(("m", "1"), registry, Processes(), known.get)
    registry.register(collector)
    for pid in known:
        collector.seen(pid)
    text = registry.gather(Deadline.after(5)).render("text").decode()
    assert 'mkit_model_cpu_seconds_total{model="m",version="1"} 4.0\n' in text
    assert 'mkit_model_resident_memory_bytes{model="m",version="1"} 200.0\n' in text
    assert "open_fds{" not in text


def test_processes_of_another_namespace_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """The kernel gives 0 for the number of a process that has none here."""
    registry = Registry("mkit_ai")
    collector = ProcessCollector(("m", "1"), registry, Processes())
    registry.register(collector)

    def supported() -> float | None:
        registry.gather(Deadline.after(5))
        return registry.value("mkit_ai_collector_supported", {"collector": "process"})

    assert supported() == 1
    collector.seen(0)
    collector.seen(0)
    assert supported() == 0
    assert [record.message for record in caplog.records] == [
        "the model's processes cannot be seen, so there are no figures of them"
    ]
    # Beside one that can be seen there are figures.
    collector.seen(os.getpid())
    assert supported() == 1
    assert registry.value("mkit_model_processes", {"model": "m", "version": "1"}) == 1


# -- GPU --------------------------------------------------------------------------------------------------------------------


class NvmlError(Exception):
    pass


def no() -> Any:
    def refuse(*_: Any) -> Any:
        raise NvmlError("not supported")

    return refuse


def binding(**answers: Any) -> Any:
    """The surface of the NVML binding that the collector uses, with the answers of a device."""
    names = (
        "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetUUID", "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetTemperature", "nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlShutdown",
    )  # fmt: skip
    functions = {name: (lambda *_, name=name: answers[name]) if name in answers else no() for name in names}
    return SimpleNamespace(NVMLError=NvmlError, **functions)


def gpu_text(nvml: Any) -> str:
    registry = Registry("mkit_ai")
    registry.register(GpuCollector(nvml, registry))
    return registry.gather(Deadline.after(5)).render("text").decode()


DEVICE = {"nvmlDeviceGetCount": 1, "nvmlDeviceGetHandleByIndex": object(), "nvmlDeviceGetUUID": "GPU-7"}


def test_a_device_with_everything() -> None:
    text = gpu_text(binding(
        **DEVICE, nvmlDeviceGetUtilizationRates=SimpleNamespace(gpu=25, memory=1), nvmlDeviceGetTemperature=40,
        nvmlDeviceGetMemoryInfo=SimpleNamespace(total=1 << 30, used=1 << 20, free=0), nvmlDeviceGetPowerUsage=99_000,
        nvmlDeviceGetTotalEnergyConsumption=5500, nvmlDeviceGetCurrentClocksThrottleReasons=0x44,
    ))  # fmt: skip
    for line in (
        'gpu_utilization_ratio{gpu="0",gpu_uuid="GPU-7"} 0.25', 'gpu_energy_joules_total{gpu="0",gpu_uuid="GPU-7"} 5.5',
        'gpu_temperature_celsius{gpu="0",gpu_uuid="GPU-7"} 40.0', 'gpu_memory_used_bytes{gpu="0",gpu_uuid="GPU-7"} 1048576.0',
        'gpu_throttled{gpu="0",gpu_uuid="GPU-7",reason="power_cap"} 1.0',
        'gpu_throttled{gpu="0",gpu_uuid="GPU-7",reason="sw_thermal"} 0.0',
    ):  # fmt: skip
        assert f"mkit_model_{line}" in text
    assert "gpu_power_watts{" not in text


def test_sentinels_and_refusals_leave_the_sample_out() -> None:
    text = gpu_text(binding(
        **DEVICE, nvmlDeviceGetUtilizationRates=SimpleNamespace(gpu=(1 << 32) - 1, memory=0), nvmlDeviceGetTemperature=-1,
        nvmlDeviceGetMemoryInfo=SimpleNamespace(total=(1 << 64) - 1, used=5, free=0), nvmlDeviceGetPowerUsage=99_000,
    ))  # fmt: skip
    assert 'mkit_model_gpu_power_watts{gpu="0",gpu_uuid="GPU-7"} 99.0' in text
    assert [line for line in text.splitlines() if line.startswith("mkit_model_")] == [
        'mkit_model_gpu_power_watts{gpu="0",gpu_uuid="GPU-7"} 99.0'
    ]
    assert not known(9223372036854775794)


def test_without_a_gpu_there_is_nothing() -> None:
    from monitoring_kit.exporters.ai.gpu import open_nvml

    if open_nvml() is not None:
        pytest.skip("this machine has a GPU")
    with Rig({"gpu": "auto"}) as rig:
        assert "gpu" not in rig.text()


# -- configuration ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "place", "words"), [
    ({"modle": {}}, "modle", "did you mean `model`"),
    ({"ingest": {"unix": "ai.sock"}}, "ingest.unix", "absolute"),
    ({"ingest": {"unix": "/" + "x" * 100}}, "ingest.unix", "90 characters"),
    ({"ingest": {"statsd": {"udp": "8125"}}}, "ingest.statsd.udp", "host:port"),
    ({"ingest": {"unix": "/run/a", "statsd": {"unix": "/run/a"}}}, "ingest.statsd.unix", "`ingest.unix` and `ingest.statsd.unix`"),
    ({"ingest": {"unix": "/run/a", "statsd": {"unix": "//run/x/..//a"}}}, "ingest.statsd.unix", "are the same socket /run/a"),
    ({"metrics": {"a": {"type": "counter", "help": "A."}}}, "metrics.a", "_total"),
    ({"metrics": {"a": None}}, "metrics.a", "missing"),
    ({"metrics": {"a": 5}}, "metrics.a", "mapping"),
    ({"metrics": {"mkit_ai_ingest_clients": {"type": "gauge", "help": "A."}}}, "metrics.mkit_ai_ingest_clients", "makes itself"),
    ({"metrics": {"a_total": {"type": "counter", "help": "A."}, "a": {"type": "gauge", "help": "A."}}}, "metrics.a", "declared twice"),
    ({"metrics": {"a": {"type": "gauge", "help": "A."}}, "quality": {"publish": {"accuracy": "a", "f1": "a"}}}, "quality.publish.f1", "declared twice"),
    ({"namespace": "a b"}, "namespace", "cannot begin"),
    ({"model": {"info": {"a b": "c"}}}, "model.info.a b", "label name"),
    ({"quality": {"key": ["a b"], "by": "a b"}}, "quality.by", "label name"),
    ({"quality": {"key": ["id", "id"]}}, "quality.key", "twice"),
    ({"quality": {"key": ["camera"], "time": "start"}}, "quality.time", "start"),
    ({"quality": {"key": ["t", "c"], "time": "t", "by": "t"}}, "quality.by", "time"),
    ({"quality": {"publish": {"accuracy": "nope"}}}, "quality.publish.accuracy", "not a gauge"),
    ({"quality": {"publish": {"acuracy": "x"}}}, "quality.publish.acuracy", "accuracy"),
    ({"quality": {"truth": {"source": {"kind": "sqlite", "url": "sqlite:////x.db"}, "query": "DELETE FROM x"}}}, "quality.truth.query", ""),
    ({"drift": {}}, "drift.features", "at least one"),
    ({"drift": {"features": {"a": "mkit_model_batches_total"}}}, "drift.features.a", "histogram"),
    ({"drift": {"features": {"a": "mkit_model_confidence_ratio"}, "false_alarms": "often"}}, "drift.false_alarms", "1 per 30d"),
    ({"scrape": {"url": "http://u:p@x/", "mapping": "triton"}}, "scrape.url", "without a user"),
    ({"scrape": {"url": "http://x/", "mapping": "tritn"}}, "scrape.mapping", "triton"),
    ({"scrape": {"url": "http://x/", "mapping": "triton"}, "metrics": {"mkit_model_queue_length": {"type": "gauge", "help": "A."}}},
     "metrics.mkit_model_queue_length", "as a gauge with the labels `model`, `version`, and it is declared as a gauge with no labels: "),
    ({"scrape": {"url": "http://x/", "mapping": "vllm"}, "metrics": {"mkit_model_in_flight": {"type": "histogram", "help": "A.", "labels": ["model"]}}},
     "metrics.mkit_model_in_flight", "as a gauge with the label `model`, and it is declared as a histogram with the label `model`"),
    ({"scrape": {"url": "http://x/", "mapping": {"metrics": {"a_total": {"type": "counter", "help": "A."}}, "rules": [{"metric": "b", "to": "a_total"}]}},
      "metrics": {"a_total": {"type": "counter", "help": "A.", "labels": ["x"]}}}, "metrics.a_total", "as a counter with no labels, and it is declared as a counter with the label `x`"),
    ({"scrape": {"url": "http://x/", "mapping": "vllm"}, "metrics": {"mkit_model_request_duration_seconds": {"type": "histogram", "help": "A.", "labels": ["model"], "native": True}}},
     "metrics.mkit_model_request_duration_seconds", "remove `native`"),
    ({"gpu": "maybe"}, "gpu", "auto"),
])  # fmt: skip
def test_mistakes_have_their_place(data: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(data)
    lines = [line for line in caught.value.lines if line.startswith(place)]
    assert lines, caught.value.lines
    assert words in lines[0]


def test_the_spec_block_becomes_a_configuration() -> None:
    block = {
        "listen": ":9642", "ingest": {"unix": "/run/mkit/ai.sock"}, "model": {"name": "p", "cameras": 4},
        "truth": {"source": "shop", "sql": "SELECT camera, window_start, n FROM t", "key": ["camera", "window_start"]},
        "sources": {"shop": {"kind": "mysql", "dsn_file": "/run/secrets/dsn"}},
    }  # fmt: skip
    metrics = {
        "ai_model_accuracy": {"type": "gauge", "help": "A.", "unit": "ratio", "labels": {"model": {}, "version": {}}},
        "ai_inference_duration_seconds": {"type": "histogram", "help": "I.", "unit": "seconds", "labels": {"camera": {"max": 64}}, "native": True},
    }  # fmt: skip
    config, mistakes = from_spec(block, metrics)
    assert mistakes == []
    assert config["quality"]["publish"] == {"accuracy": "ai_model_accuracy"}
    assert config["quality"]["time"] == "window_start"
    assert len(config["metrics"]["ai_inference_duration_seconds"]["buckets"]) == 24
    assert read_config(config)[0] is not None


@pytest.mark.parametrize(("change", "path"), [
    ({"truth": {"source": "shp", "sql": "SELECT 1", "key": ["id"]}}, ("truth", "source")),
    ({"truth": {"source": "shop", "key": ["id"]}}, ("truth", "sql")),
    ({"truth": {"source": "shop", "sql": "DROP TABLE x", "key": ["id"]}}, ("truth", "sql")),
    ({"truth": {"key": ["id"], "min_sample": 3}}, ("truth", "min_sample")),
    ({"ingest": {"unx": "/x"}}, ("ingest", "unx")),
    ({"ingest": {"unix": "/x", "statsd": {"unix": "/y/../x"}}}, ("ingest", "statsd", "unix")),
    ({"cameras": 3}, ("cameras",)),
    ({"quality": {}}, ("quality",)),
    ({"quality": None}, ("quality",)),
    ({"metrics": None}, ("metrics",)),
])  # fmt: skip
def test_mistakes_of_the_spec_block_have_their_place(change: dict[str, Any], path: tuple[str, ...]) -> None:
    block = {"sources": {"shop": {"kind": "mysql", "dsn_file": "/x"}}, **change}
    assert path in [mistake.path for mistake in from_spec(block, {})[1]]
