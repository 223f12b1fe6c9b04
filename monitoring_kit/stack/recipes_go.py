"""Captures of exporters that Debian does not package, built with Go from their modules.

cAdvisor watches a real container; its module holds no main package, so a small one serves its library.
Needs `go`, and for cAdvisor root, because it starts a Docker daemon (without bridge and firewall rules).
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from monitoring_kit.live.catalog import Catalog, capture
from monitoring_kit.stack.fetch import fetch_packages, package_version, writable_folder
from monitoring_kit.stack.lab import Lab, LabError, free_port, read, wait_until

STATSD_EXPORTER = "v0.31.0"
CADVISOR = "v0.53.0"
_BUILD_SECONDS = 900.0

_MAIN = """\
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	_ "github.com/google/cadvisor/container/docker/install"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "")
	flag.Parse()
	unwanted := container.MetricSet{container.PerfMetrics: {}, container.ResctrlMetrics: {}}
	included := container.AllMetrics.Difference(unwanted)
	interval, dynamic := 2*time.Second, false
	keeping := manager.HousekeepingConfig{Interval: &interval, AllowDynamic: &dynamic}
	m, err := manager.New(memory.New(2*time.Minute, nil), sysfs.NewRealSysFs(), keeping, included,
		http.DefaultClient, []string{"/"}, nil, "", 0)
	if err == nil {
		err = m.Start()
	}
	if err != nil {
		log.Fatal(err)
	}
	opts := v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}
	r := prometheus.NewRegistry()
	r.MustRegister(metrics.NewPrometheusCollector(m, metrics.DefaultContainerLabels, included, clock.RealClock{}, opts),
		metrics.NewPrometheusMachineCollector(m, included))
	http.Handle("/metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	log.Fatal(http.ListenAndServe(*listen, nil))
}
"""


def statsd(lab: Lab) -> Catalog:
    """The StatsD exporter's own metrics after one event of each kind; the events' metrics are left out."""
    import socket

    binary = _install(lab, "github.com/prometheus/statsd_exporter", STATSD_EXPORTER)
    web, udp = free_port(), free_port()
    url = f"http://127.0.0.1:{web}/metrics"
    listen = [f"--web.listen-address=127.0.0.1:{web}", f"--statsd.listen-udp=127.0.0.1:{udp}"]
    lab.start("statsd", [binary, *listen, "--statsd.listen-tcp="], url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"lab.c:1|c\nlab.g:2|g\nlab.t:3|ms\nnonsense", ("127.0.0.1", udp))
    wait_until(lambda: "lab_t" in read(url), 20)
    text = "\n".join(line for line in read(url).splitlines() if "lab_" not in line)
    version = STATSD_EXPORTER.removeprefix("v")
    return capture(
        text, "statsd_exporter", version, f"built from its Go module {STATSD_EXPORTER}; after one event a kind"
    )


def cadvisor(lab: Lab) -> Catalog:
    """A running container with a memory and a CPU limit, seen by cAdvisor through Docker."""
    if os.geteuid() != 0:
        raise LabError("cadvisor: starting a Docker daemon needs root")
    docker = _docker(lab)
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    flags = [f"-listen=127.0.0.1:{port}", f"-docker={docker}"]
    lab.start("cadvisor", [_build_cadvisor(lab), *flags], url)
    wait_until(lambda: "container_cpu_cfs_periods_total{" in read(url) and 'name="shop"' in read(url), 40)
    engine = package_version("docker.io")
    how = f"cAdvisor's library {CADVISOR} serving all metrics but perf and resctrl; Docker {engine}, one container"
    text = read(url)
    _client(lab, docker, "rm", "-f", "shop")
    return capture(text, "cadvisor", CADVISOR.removeprefix("v"), how)


def _install(lab: Lab, module: str, version: str) -> Path:
    folder = writable_folder() / "go" / f"{Path(module).name}-{version}"
    binary = folder / Path(module).name
    if not binary.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        lab.run("go", [_go(), "install", f"{module}@{version}"], {"GOBIN": str(folder)}, timeout=_BUILD_SECONDS)
    return binary


def _build_cadvisor(lab: Lab) -> Path:
    folder = writable_folder() / "go" / f"cadvisor-{CADVISOR}"
    binary = folder / "cadvisor"
    if not binary.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.go").write_text(_MAIN, encoding="utf-8")
        module = f"module mkit/cadvisor\n\ngo 1.23.0\n\nrequire github.com/google/cadvisor {CADVISOR}\n"
        (folder / "go.mod").write_text(module, encoding="utf-8")
        command = [_go(), "build", "-C", str(folder), "-mod=mod", "-o", str(binary), "."]
        lab.run("go", command, timeout=_BUILD_SECONDS)
    return binary


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise LabError("go is not on PATH; Debian does not package this exporter, so it is built")
    return go


def _docker(lab: Lab) -> str:
    """Start a Docker daemon of our own with one container in it; returns its endpoint."""
    root = fetch_packages(("docker.io", "containerd", "runc", "busybox-static"))
    # Else the daemon leaves its key in /etc/docker.
    config = lab.write("docker.json", json.dumps({"deprecated-key-path": str(lab.folder / "key.json")}))
    socket = f"unix://{lab.folder / 'docker.sock'}"
    command: list[str | Path] = [
        *(root / "usr" / "sbin" / "dockerd", f"--data-root={lab.folder / 'docker'}", f"--host={socket}"),
        *(f"--exec-root={lab.folder / 'exec'}", f"--pidfile={lab.folder / 'docker.pid'}", "--bridge=none"),
        f"--config-file={config}",
        *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
    ]
    lab.start("dockerd", command, lambda: (lab.folder / "docker.sock").exists(), _engine(root))
    image = lab.folder / "image" / "bin"
    image.mkdir(parents=True)
    shutil.copy(root / "bin" / "busybox", image / "sh")
    lab.run("tar", ["tar", "-C", image.parent, "-cf", "image.tar", "."])
    _client(lab, socket, "import", "image.tar", "lab:1")
    limits = ["--network", "none", "--memory", "64m", "--cpus", "0.5", "--name", "shop"]
    _client(lab, socket, "run", "-d", *limits, "lab:1", "/bin/sh", "-c", "while :; do sleep 1; done")
    return socket


def _client(lab: Lab, socket: str, *arguments: str) -> str:
    root = fetch_packages(("docker.io",))
    return lab.run("docker", [root / "usr" / "bin" / "docker", "-H", socket, *arguments], _engine(root))


def _engine(root: Path) -> dict[str, str]:
    """The daemon looks for containerd and runc on PATH."""
    own = [str(root / "usr" / "bin"), str(root / "usr" / "sbin")]
    libraries = [str(path) for path in (root / "usr" / "lib").glob("*-linux-*")]
    return {"PATH": os.pathsep.join([*own, os.environ.get("PATH", "")]), "LD_LIBRARY_PATH": ":".join(libraries)}
