"""Records of the spec: services, how they are scraped, and the metric registry."""

from __future__ import annotations

from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.owner import Owner as Owner
from monitoring_kit.spec.quantity import Duration, Quantity
from monitoring_kit.spec.shapes import (
    DURATION,
    FILE,
    FLAG,
    LABEL_NAME,
    LABELS,
    METRIC_NAME,
    NAME,
    NAMES,
    TEXT,
    URL,
    Amount,
    Anything,
    Choice,
    Item,
    ListOf,
    MapOf,
    Number,
    Record,
    Text,
    key,
)
from monitoring_kit.spec.slos import SLO, Slo

TARGET = Text(
    r"[^\s/@]+|\[[0-9a-fA-F:]+\]:\d+|https?://\S+", "a `host:port` target without scheme or path", example="web:8080"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Item):
    """TLS towards a target or server; certificates and keys by file."""

    ca_file: str | None = key(FILE, "CA certificate that signs the server's certificate.")
    cert_file: str | None = key(FILE, "Client certificate.")
    key_file: str | None = key(FILE, "Client key.")
    server_name: str | None = key(TEXT, "Name to verify instead of the target's host.")
    insecure_skip_verify: bool = key(FLAG, "Accept any certificate; mkit warns about it.", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth(Item):
    """HTTP basic authentication, the password by file."""

    username: str = key(TEXT, "User name.", required=True)
    password_file: str = key(FILE, "File that holds the password.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubernetes(Item):
    """Kubernetes service discovery."""

    role: str = key(
        Choice(("pod", "service", "endpoints", "endpointslice", "node", "ingress")),
        "What becomes a target.",
        "pod",
    )
    namespaces: tuple[str, ...] = key(NAMES, "Namespaces to look in; all when empty.", ())
    selector: str | None = key(TEXT, "Label selector, e.g. `app=becamera`.")
    port: str | None = key(TEXT, "Container port name or number to keep.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns(Item):
    """DNS service discovery."""

    names: tuple[str, ...] = key(ListOf(TEXT, single=True), "Names to resolve.", required=True)
    type: str = key(Choice(("SRV", "A", "AAAA")), "Record type.", "SRV")
    port: int | None = key(Number(1, 65535, whole=True), "Port, needed for A and AAAA.")
    refresh_interval: Duration = key(DURATION, "How often to resolve.", Duration(30_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiscovery(Item):
    """Targets from files that another tool writes."""

    files: tuple[str, ...] = key(ListOf(FILE, single=True), "File globs (JSON or YAML).", required=True)
    refresh_interval: Duration = key(DURATION, "How often to re-read.", Duration(300_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDiscovery(Item):
    """Targets from an HTTP endpoint."""

    url: str = key(URL, "Endpoint that returns targets.", required=True)
    refresh_interval: Duration = key(DURATION, "How often to ask.", Duration(60_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker(Item):
    """Targets from a Docker engine's containers."""

    host: str = key(TEXT, "Docker engine address.", "unix:///var/run/docker.sock")
    port: int | None = key(Number(1, 65535, whole=True), "Container port to scrape.")
    filters: dict[str, Any] = key(
        MapOf(ListOf(TEXT, single=True), key=TEXT), "Engine-side filters, e.g. `label: [app=x]`.", dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consul(Item):
    """Targets from a Consul catalog."""

    server: str = key(TEXT, "Consul address.", "localhost:8500")
    services: tuple[str, ...] = key(NAMES, "Consul services; all when empty.", ())
    tags: tuple[str, ...] = key(ListOf(TEXT, single=True), "Tags a service must carry.", ())
    token_file: str | None = key(FILE, "File with the ACL token.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Item):
    """Blackbox probing: the targets are URLs or hosts, the blackbox exporter does the asking."""

    exporter: str = key(TARGET, "Address of the blackbox exporter.", "blackbox-exporter:9115")
    module: str = key(NAME, "Module of the blackbox exporter.", "http_2xx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Item):
    """Scrape limits. What is not set here is derived from the label budgets of the declared metrics."""

    samples: int | None = key(Number(1, whole=True), "Most samples of one scrape.")
    labels: int | None = key(Number(1, whole=True), "Most labels of one sample.")
    label_name_length: int | None = key(Number(1, whole=True), "Longest label name.")
    label_value_length: int | None = key(Number(1, whole=True), "Longest label value.")
    body_size: str | None = key(Text(r"\d+[KMG]i?B", "a size such as 10MB"), "Largest exposition.")
    targets: int | None = key(Number(1, whole=True), "Most targets of the job.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape(Item):
    """How a service's metrics are collected."""

    targets: tuple[str, ...] = key(ListOf(TARGET, single=True), "Static targets, `host:port`.", ())
    path: str = key(Text(r"/\S*", "a path that starts with `/`"), "Metrics path.", "/metrics")
    scheme: str = key(Choice(("http", "https")), "Protocol.", "http")
    interval: Duration | None = key(DURATION, "Scrape interval; `prometheus.scrape_interval` when not set.")
    timeout: Duration | None = key(DURATION, "Scrape timeout; two thirds of the interval, 10s at most, when not set.")
    params: dict[str, Any] = key(
        MapOf(ListOf(TEXT, single=True), key=TEXT), "URL parameters (never secrets: targets show them).", dict
    )
    honor_labels: bool = key(
        FLAG, "Keep the target's own labels (pushgateway, federation); its own `job` becomes `exported_job`.", False
    )
    tls: Tls | None = key(Record(Tls), "TLS settings.")
    basic_auth: BasicAuth | None = key(Record(BasicAuth), "Basic authentication.")
    bearer_file: str | None = key(FILE, "File with a bearer token.")
    probe: Probe | None = key(Record(Probe), "Probe the targets through a blackbox exporter.")
    dns: Dns | None = key(Record(Dns), "DNS discovery.")
    http: HttpDiscovery | None = key(Record(HttpDiscovery), "HTTP discovery.")
    file: FileDiscovery | None = key(Record(FileDiscovery), "File discovery.")
    kubernetes: Kubernetes | None = key(Record(Kubernetes), "Kubernetes discovery.")
    docker: Docker | None = key(Record(Docker), "Docker discovery.")
    consul: Consul | None = key(Record(Consul), "Consul discovery.")
    relabel: tuple[Any, ...] = key(ListOf(Anything()), "Extra `relabel_configs`, as Prometheus writes them.", ())
    metric_relabel: tuple[Any, ...] = key(ListOf(Anything()), "Extra `metric_relabel_configs`.", ())
    limits: Limits | None = key(Record(Limits), "Scrape limits.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(Item):
    """What each instance of the service may use. The signals `cpu` and `memory` of the kinds http and ai-model are shares of it;
    whatever asks for them of a service that does not say it is told that 1 core and 1 GiB are assumed."""

    cpu: float | None = key(Number(0.001), "CPU cores of an instance.")
    memory: Quantity | None = key(Amount(("bytes",), above_zero=True), "Memory of an instance.", example="1GiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Item):
    """One thing that runs."""

    kind: str = key(
        NAME,
        "Signal pack: http, ai-model, business, mysql, redis, node, container, blackbox, pushgateway, prometheus, alertmanager or "
        "your own.",
        required=True,
    )
    description: str = key(TEXT, "What it does, in a sentence.", "")
    scrape: Scrape | None = key(Record(Scrape), "How its metrics are collected.", required=True)
    depends_on: tuple[str, ...] = key(
        NAMES, "Services it needs: a dead one silences its symptoms and is named as probable cause.", ()
    )
    slos: dict[str, Slo] = key(MapOf(SLO), "Service level objectives.", dict)
    labels: dict[str, str] = key(LABELS, "Extra target labels.", dict)
    owner: Owner | None = key(Record(Owner, short="team"), "Owner; the system's when not set.")
    resources: Resources | None = key(
        Record(Resources), "What an instance may use: `cpu` and `memory` are shares of this."
    )
    metrics: dict[str, str] = key(
        MapOf(METRIC_NAME, key=METRIC_NAME),
        "Own names for the pack's metrics: `http_requests_total: app_requests_total`.",
        dict,
    )
    metric_labels: dict[str, str] = key(
        MapOf(LABEL_NAME, key=LABEL_NAME), "Own names for the pack's labels: `status: code`.", dict
    )
    runbook: str | None = key(URL, "Runbook of the service, linked beside the generated ones.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Item):
    """What a label may hold: bounds the series of a metric."""

    values: tuple[str, ...] = key(ListOf(TEXT), "All possible values.", ())
    pattern: str | None = key(TEXT, "Regular expression (RE2) that every value matches.")
    max: int | None = key(Number(1, 1_000_000, whole=True), "Most distinct values.")
    help: str = key(TEXT, "What the label says.", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Item):
    """A declared metric."""

    type: str = key(Choice(("counter", "gauge", "histogram", "summary", "info")), "Metric type.", required=True)
    help: str = key(TEXT, "What it counts or measures.", required=True)
    unit: str | None = key(
        Choice(
            (
                "seconds",
                "bytes",
                "ratio",
                "celsius",
                "joules",
                "watts",
                "volts",
                "amperes",
                "meters",
                "grams",
                "currency",
                "number",
            )
        ),
        "Unit of the value.",
    )
    labels: dict[str, Label] = key(
        MapOf(Record(Label), key=LABEL_NAME, nullable=True), "Labels and their budgets.", dict
    )
    buckets: tuple[float, ...] = key(ListOf(Number(), low=1), "Upper bounds of a classic histogram, ascending.", ())
    native: bool = key(FLAG, "Also exposed as a native histogram.", False)
    services: tuple[str, ...] = key(NAMES, "Services that expose it.", required=True)
