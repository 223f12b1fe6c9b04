"""A running stack: the real servers as child processes on free loopback ports, with the generated files."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from types import TracebackType

import requests

from monitoring_kit.conventions import ALERTMANAGER_FLAGS, ALERTMANAGER_YML, PROMETHEUS_FLAGS, PROMETHEUS_YML
from monitoring_kit.emit import Output
from monitoring_kit.load.nodes import written
from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.capture import Capture
from monitoring_kit.stack.lab import Lab, LabError, free_port, wait_until
from monitoring_kit.stack.rewrite import local_alertmanager, local_flags, local_prometheus
from monitoring_kit.stack.simulation_plan import plan
from monitoring_kit.stack.tools import ensure_tools

TIMEOUT = 10.0
# In the server's own format or in JSON, as `log.format` has it.
_IGNORED = re.compile(r'Unknown option for --enable-feature"[ ,]+"?option"?[=:]"?([^\s",}]+)')


@dataclass
class Stack:
    """Prometheus, Alertmanager and a simulated system around a compiled spec. Use as a context manager: leaving it stops
    every process that it started."""

    compilation: Compilation
    capture: Capture = field(default_factory=Capture)
    lab: Lab = field(default_factory=Lab)
    simulators: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    prometheus: str = ""
    alertmanager: str = ""
    grafana: str | None = None

    def __enter__(self) -> Stack:
        self.lab.__enter__()
        self.capture.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lab.__exit__(kind, error, trace)
        self.capture.__exit__(kind, error, trace)

    def _start(self) -> None:
        tools = ensure_tools()
        self.versions = {name: tools[name].version or "?" for name in ("prometheus", "alertmanager")}
        outputs = self.compilation.outputs
        assert self.compilation.system is not None
        assert self.compilation.model is not None
        for path, output in outputs.items():
            if path.startswith(("prometheus/rules/", "alertmanager/templates/")):
                self.lab.write(path, output.data.decode())
        ports = [free_port() for _ in range(2)]
        self.prometheus, self.alertmanager = (f"http://127.0.0.1:{port}" for port in ports)
        for service in plan(self.compilation.system, self.compilation.model):
            if service.kind not in ("prometheus", "alertmanager"):
                self._simulate(service.service, service.plain())
        self._start_alertmanager(tools["alertmanager"].path, outputs, ports[1])
        self._start_prometheus(tools["prometheus"].path, outputs, ports)
        self._start_grafana(outputs)

    def _simulate(self, service: str, data: dict[str, object]) -> None:
        path = self.lab.write(f"simulators/{service}.json", json.dumps(data))
        port = free_port()
        command = [sys.executable, "-m", "monitoring_kit.stack.simulator", str(path), str(port)]
        self.simulators[service] = f"http://127.0.0.1:{port}"
        self.lab.start(f"simulator-{service}", command, f"http://127.0.0.1:{port}/-/healthy")

    def _start_alertmanager(self, program: Path | None, outputs: dict[str, Output], port: int) -> None:
        text, files = local_alertmanager(
            outputs, self.capture.smarthost, self.capture.url, str(self.lab.folder / "secrets")
        )
        self.lab.write(ALERTMANAGER_YML, text)
        for name, content in files.items():
            self.lab.write(name, content).chmod(0o600)
        own = {
            "config.file": str(self.lab.folder / ALERTMANAGER_YML),
            "storage.path": str(self.lab.folder / "alertmanager/data"),
            "web.listen-address": f"127.0.0.1:{port}",
            "web.external-url": self.alertmanager,
            "cluster.listen-address": "",
        }
        flags, left_out = local_flags(outputs, ALERTMANAGER_FLAGS, own)
        self.left_out += left_out
        self.lab.start("alertmanager", [str(program), *flags], f"{self.alertmanager}/-/ready")

    def _start_prometheus(self, program: Path | None, outputs: dict[str, Output], ports: list[int]) -> None:
        assert self.compilation.system is not None
        real = {"prometheus": self.prometheus, "alertmanager": self.alertmanager}
        urls = dict(self.simulators)
        # The monitoring's own services are the real ones.
        urls |= {n: real[v.pack.kind] for n, v in self.compilation.system.services.items() if v.pack.kind in real}
        targets = {job: url.removeprefix("http://") for job, url in urls.items()}
        text, left_out = local_prometheus(outputs, targets, f"127.0.0.1:{ports[1]}", f"127.0.0.1:{ports[0]}")
        self.lab.write(PROMETHEUS_YML, text)
        own = {
            "config.file": str(self.lab.folder / PROMETHEUS_YML),
            "storage.tsdb.path": str(self.lab.folder / "prometheus/data"),
            "web.listen-address": f"127.0.0.1:{ports[0]}",
            "web.external-url": self.prometheus,
        }
        flags, elsewhere = local_flags(outputs, PROMETHEUS_FLAGS, own)
        self.left_out += left_out + elsewhere
        try:
            self.lab.start("prometheus", [str(program), *flags], f"{self.prometheus}/-/ready")
        except LabError as error:
            raise LabError(f"{error}{self._of_the_spec(str(error))}") from None
        # It starts all the same with a feature that it does not know.
        for name in _IGNORED.findall(self.lab.log_tail("prometheus", 1000)):
            self.left_out.append(f"the feature {name} (prometheus {self.versions['prometheus']} does not know it)")

    def _of_the_spec(self, said: str) -> str:
        """Where in the spec the flags come from that the server refused; empty when it speaks of none."""
        assert self.compilation.system is not None
        prometheus = self.compilation.system.spec.prometheus
        named = next((name for name in prometheus.flags if re.search(rf"--{re.escape(name)}(?![\w.-])", said)), None)
        keys = [key for key in ("flags", "features") if prometheus.has(key)]
        if named is None and not (keys and re.search(r"(?i)flags?\b|command ?line", said)):
            return ""
        span = written(prometheus.node, "flags", named) if named else prometheus.at(keys[0])
        what = f"`prometheus.flags` has `{named}`" if named else " and ".join(f"`prometheus.{key}`" for key in keys)
        return (
            f"\n{span}: {what}: correct or remove it, or run a prometheus that knows it "
            f"(this is {self.versions['prometheus']}; `mkit tools fetch --suite sid` gets a newer one, MKIT_SUITE=sid runs it)"
        )

    def _start_grafana(self, outputs: dict[str, Output]) -> None:
        """Grafana too, where it is installed: with the generated provisioning, read-only for anyone on this machine."""
        program = which("grafana-server") or which("grafana")
        if program is None:
            return
        port = free_port()
        for path, output in outputs.items():
            if path.startswith("grafana/"):
                text = output.data.decode()
                if "/provisioning/dashboards/" in path:
                    text = _with_path(text, str(self.lab.folder / "grafana/dashboards"))
                if "/provisioning/datasources/" in path:
                    text = _with_urls(text, self.prometheus, self.alertmanager)
                self.lab.write(path, text)
        environment = {
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_SERVER_HTTP_PORT": str(port),
            "GF_PATHS_PROVISIONING": str(self.lab.folder / "grafana/provisioning"),
            "GF_PATHS_DATA": str(self.lab.folder / "grafana/data"),
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
        }
        home = next((h for h in ("/usr/share/grafana",) if os.path.isdir(h)), None)
        command = [
            program,
            *(["server"] if program.endswith("grafana") else []),
            *(["--homepath", home] if home else []),
        ]
        self.grafana = f"http://127.0.0.1:{port}"
        self.lab.start("grafana", command, f"{self.grafana}/api/health", environment)

    def dead(self) -> list[str]:
        """What is known of children that have ended on their own; empty while all live."""
        return self.lab.dead()

    def query(self, expr: str) -> list[dict[str, object]]:
        """The result of an instant query as Prometheus' API gives it."""
        answer = requests.get(f"{self.prometheus}/api/v1/query", {"query": expr}, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()["data"]["result"]  # type: ignore[no-any-return]

    def wait_for(self, expr: str, seconds: float) -> list[dict[str, object]]:
        """The result of ``expr`` as soon as it has one. Raises LabError after ``seconds``."""
        wait_until(lambda: bool(self.query(expr)), seconds, lambda: "\n".join(self.dead()))
        return self.query(expr)

    def fault(self, service: str, mode: str) -> float:
        """Break a simulated service (errors, slow or down); returns when that was, in Unix seconds."""
        requests.post(f"{self.simulators[service]}/-/fault", params={"mode": mode}, timeout=TIMEOUT).raise_for_status()
        return time.time()

    def heal(self, service: str) -> float:
        """Mend a simulated service; returns when that was, in Unix seconds."""
        requests.post(f"{self.simulators[service]}/-/heal", timeout=TIMEOUT).raise_for_status()
        return time.time()


def _with_path(text: str, path: str) -> str:
    import yaml

    config = yaml.safe_load(text)
    for provider in config.get("providers", []):
        folder = os.path.basename(str((provider.get("options") or {}).get("path", "")).rstrip("/"))
        provider.setdefault("options", {})["path"] = path if folder == "dashboards" else os.path.join(path, folder)
    return yaml.safe_dump(config, sort_keys=False)


def _with_urls(text: str, prometheus: str, alertmanager: str) -> str:
    import yaml

    config = yaml.safe_load(text)
    for source in config.get("datasources", []):
        source["url"] = alertmanager if source.get("type") == "alertmanager" else prometheus
    return yaml.safe_dump(config, sort_keys=False)


__all__ = ["LabError", "Stack"]
