"""Records of the spec: the servers themselves, storage, dashboards, exporters and access."""

from __future__ import annotations

from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.services import BasicAuth, Tls
from monitoring_kit.spec.shapes import (
    DURATION,
    FILE,
    FLAG,
    LABELS,
    NAME,
    NAMES,
    TEXT,
    URL,
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

VERSION = Text(r"\d{1,4}\.\d{1,4}(\.\d{1,4})?", "a version such as 2.42")
LISTEN = Text(r"\S*:\d{1,5}", "an address such as :9090 or 127.0.0.1:9090")
SIZE = Text(r"\d+[KMGTP]B", "a size such as 50GB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compatibility(Item):
    """Oldest versions that must load the generated files."""

    prometheus: str = key(VERSION, "Prometheus.", "2.42")
    alertmanager: str = key(VERSION, "Alertmanager.", "0.25")
    grafana: str = key(VERSION, "Grafana.", "10.4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention(Item):
    """How long Prometheus keeps samples."""

    time: Duration = key(DURATION, "By age.", Duration(15 * 86_400_000))
    size: str | None = key(SIZE, "By size; 80 to 85 % of the disk.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServer(Item):
    """TLS and login of Prometheus and Alertmanager (`web.yml`)."""

    cert_file: str | None = key(FILE, "Server certificate.")
    key_file: str | None = key(FILE, "Server key.")
    client_ca_file: str | None = key(FILE, "CA of client certificates; clients must then present one.")
    users: dict[str, str] = key(
        MapOf(Text(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}", "a bcrypt hash (`htpasswd -nBC 10 USER` makes one)", secret=True)),
        "User names and bcrypt hashes.", dict,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteWrite(Item):
    """Another store that gets every sample."""

    url: str = key(URL, "Endpoint.", required=True)
    basic_auth: BasicAuth | None = key(Record(BasicAuth), "Basic authentication.")
    bearer_file: str | None = key(FILE, "File with a bearer token.")
    tls: Tls | None = key(Record(Tls), "TLS settings.")
    keep: str | None = key(TEXT, "Regular expression of metric names to send; all when not set.")
    drop_replica: bool = key(FLAG, "Drop the replica label, so that the store can deduplicate a pair.", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRead(Item):
    """Another store that is asked for old samples."""

    url: str = key(URL, "Endpoint.", required=True)
    basic_auth: BasicAuth | None = key(Record(BasicAuth), "Basic authentication.")
    required_matchers: dict[str, str] = key(LABELS, "Only selectors with these labels are sent there.", dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus(Item):
    """The Prometheus servers."""

    scrape_interval: Duration = key(DURATION, "How often targets are scraped.", Duration(15_000))
    evaluation_interval: Duration = key(DURATION, "How often rules are evaluated.", Duration(15_000))
    retention: Retention = key(Record(Retention, short="time"), "Retention.", Retention)
    replicas: int = key(Number(1, 9, whole=True), "Identical servers; 2 make a highly available pair.", 1)
    listen: str = key(LISTEN, "Listen address.", "127.0.0.1:9090")
    external_labels: dict[str, str] = key(LABELS, "Labels on everything that leaves this Prometheus.", dict)
    external_url: str | None = key(URL, "Where people reach Prometheus; links in notifications.")
    web: WebServer | None = key(Record(WebServer), "TLS and login.")
    remote_write: dict[str, RemoteWrite] = key(MapOf(Record(RemoteWrite)), "Stores that get every sample.", dict)
    remote_read: dict[str, RemoteRead] = key(MapOf(Record(RemoteRead)), "Stores that are asked for old samples.", dict)
    flags: dict[str, str] = key(
        MapOf(TEXT, key=Text(r"[a-z0-9.-]+", "a flag name")), "Further command-line flags.", dict
    )
    features: tuple[str, ...] = key(
        ListOf(NAME, single=True),
        "Feature flags. `native-histograms` keeps the classic buckets too, by a key of each scrape job that `compatibility.prometheus` decides: "
        "`scrape_classic_histograms` from 2.45 on, `always_scrape_classic_histograms` from 3.0 on, `scrape_native_histograms` besides from 3.9 "
        "on. A 3.x server refuses the key of 2.x and a 2.x server that of 3.x: with an upgrade across 3.0, raise `compatibility.prometheus`, "
        "generate, and give each server its new files when it gets the new version.",
        (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel(Item):
    """One panel of a dashboard: a signal or a query."""

    title: str = key(TEXT, "Title.", required=True)
    signal: str | None = key(TEXT, "Signal, e.g. `latency(p95)`.")
    query: str | None = key(TEXT, "PromQL; `$__rate_interval` for ranges.")
    services: tuple[str, ...] = key(NAMES, "Services shown; all that have the signal when not set.", ())
    description: str | None = key(TEXT, "What it shows; derived when not set.")
    unit: str | None = key(TEXT, "Grafana unit id; inferred when not set.")
    legend: str | None = key(TEXT, "Legend, e.g. `{{model}}`; derived when not set.")
    type: str | None = key(
        Choice(("timeseries", "stat", "gauge", "bargauge", "table", "heatmap", "piechart", "state-timeline")),
        "Panel type; chosen from the signal when not set.",
    )  # fmt: skip
    width: int | None = key(Number(1, 24, whole=True), "Columns of 24.")
    height: int | None = key(Number(2, 40, whole=True), "Rows.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard(Item):
    """An extra dashboard."""

    title: str = key(TEXT, "Title.", required=True)
    uid: str | None = key(
        Text(r"[a-zA-Z0-9_-]{1,40}", "a uid (letters, digits, `-`, `_`; 40 at most)"),
        "Stable uid; derived when not set.",
    )
    description: str = key(TEXT, "What it is for.", "")
    panels: tuple[Panel, ...] = key(
        ListOf(Record(Panel, exactly_one=(("signal", "query"),)), low=1),
        "Panels in reading order.",
        required=True,
    )
    tags: tuple[str, ...] = key(ListOf(TEXT), "Tags.", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxRetention(Item):
    """InfluxDB retention policies."""

    default: Duration = key(DURATION, "The policy that is written by default.", Duration(30 * 86_400_000))
    short: Duration | None = key(
        DURATION, "A shorter one, for series whose label `retention` says this duration.", Duration(7 * 86_400_000)
    )
    long: Duration | None = key(
        DURATION, "A longer one, for series whose label `retention` says this duration.", Duration(365 * 86_400_000)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxDb(Item):
    """InfluxDB 1.x as a second store."""

    enabled: bool = key(FLAG, "Write to it.", True)
    url: str = key(URL, "Base URL.", required=True)
    database: str = key(Text(r"[A-Za-z_][A-Za-z0-9_]*", "a database name"), "Database.", required=True)
    shard_duration: Duration = key(DURATION, "Shard duration of the policies.", Duration(86_400_000))
    replication_factor: int = key(Number(1, 9, whole=True), "Replication factor.", 1)
    retention: InfluxRetention = key(Record(InfluxRetention, short="default"), "Retention policies.", InfluxRetention)
    basic_auth: BasicAuth | None = key(Record(BasicAuth), "Login.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Item):
    """Further storage."""

    influxdb: InfluxDb | None = key(Record(InfluxDb), "InfluxDB 1.x.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statsd(Item):
    """StatsD lines through the statsd exporter."""

    enabled: bool = key(FLAG, "Run the statsd exporter and scrape it.", True)
    listen: str = key(LISTEN, "UDP and TCP address for StatsD lines.", ":8125")
    exporter: str = key(TEXT, "Address of the exporter's metrics.", "statsd-exporter:9102")
    prefix: str = key(
        Text(r"[A-Za-z_][A-Za-z0-9_.]*", "a metric prefix"), "First part of the StatsD names.", required=True
    )
    flush_interval: Duration = key(DURATION, "How often clients send.", Duration(10_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(Item):
    """What a role may do."""

    view: tuple[str, ...] = key(NAMES, "Dashboards it may view, or `all`.", ())
    manage: tuple[str, ...] = key(NAMES, "What it may change, or `all`.", ())
    write: tuple[str, ...] = key(NAMES, "What it may write.", ())
    read: tuple[str, ...] = key(NAMES, "What it may read beside dashboards.", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Item):
    """Roles."""

    roles: dict[str, Role] = key(MapOf(Record(Role)), "Roles by name.", dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(Item):
    """An environment: its external labels; every other key overlays the spec."""

    labels: dict[str, str] = key(LABELS, "External labels of this environment.", dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafana(Item):
    """Where dashboards live."""

    url: str | None = key(URL, "Where people reach Grafana; links in notifications.")
    prometheus_url: str = key(URL, "Prometheus as Grafana reaches it.", "http://prometheus:9090")
    folder: str | None = key(TEXT, "Folder; the system's name when not set.")


ANY = Anything()
__all__ = [
    "NAME",
    "Access",
    "Any",
    "Compatibility",
    "Dashboard",
    "Environment",
    "Grafana",
    "InfluxDb",
    "InfluxRetention",
    "Panel",
    "Prometheus",
    "RemoteRead",
    "RemoteWrite",
    "Retention",
    "Role",
    "Statsd",
    "Storage",
    "WebServer",
]  # fmt: skip
