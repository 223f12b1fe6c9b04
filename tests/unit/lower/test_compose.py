"""compose.yaml: valid for the Compose Specification, safe by default, complete."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from monitoring_kit import __version__
from monitoring_kit.lower.compose import lower_compose
from monitoring_kit.lower.compose.container import images
from monitoring_kit.lower.compose.exporters import BLACKBOX_MODULES
from monitoring_kit.lower.compose.servers import local_host
from monitoring_kit.resolve.exporters import DEFAULT_PORTS
from tests.unit.lower.spec_text import HEAD, WEB, Compile, Lowered, lowered

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "compose-spec.json").read_text())

FOLDER = Path(__file__).parents[3]

FULL = """
version: mkit/v1
system: Web.Shop
prometheus:
  replicas: 2
  listen: 127.0.0.1:9090
  external_url: https://prom.example.com/$x
  remote_write: {vm: {url: 'http://vm:8428/w', basic_auth: {username: u, password_file: /run/secrets/vm}}}
grafana: {url: https://grafana.example.com}
channels:
  mail: {kind: email, to: [a@example.com], from: b@example.com, smarthost: "smtp:587", username: u, password_file: /run/secrets/smtp}
  chat: {kind: slack, channel: "#a", webhook_file: /etc/alertmanager/slack}
alerting: {alertmanagers: ['am-0:9093', 'am-1:9093', 'am.example.com:9093'], watchdog: {notify: [mail]}, cluster: {peers: ['am-0:9094', 'am-1:9094']}}
services:
  web: {kind: http, scrape: {targets: ['web:80'], basic_auth: {username: u, password_file: web.password}}}
  db: {kind: mysql, scrape: {targets: ['mysql-exporter:9104']}}
  cache: {kind: redis, scrape: {targets: ['redis-exporter:9121']}}
  jobs: {kind: pushgateway, scrape: {targets: ['pushgateway:9091']}}
  host: {kind: node, scrape: {targets: ['node-exporter:9100']}}
  site: {kind: blackbox, scrape: {targets: ['https://example.com'], probe: {module: icmp}}}
  shop: {kind: business, scrape: {targets: ['business-exporter:9700']}}
  people: {kind: ai-model, scrape: {targets: ['ai-exporter:9642']}}
metrics:
  a_total: {type: counter, help: A., services: [web]}
  orders_total: {type: counter, help: Orders., services: [shop]}
storage: {influxdb: {url: 'http://influxdb:8086', database: m, basic_auth: {username: u, password_file: /srv/smtp}}}
statsd: {prefix: shop}
exporters:
  business:
    listen: 127.0.0.1:9700
    sources: {db: {kind: mysql, dsn_file: /run/secrets/shop_dsn, tls: {ca_file: /etc/ssl/db.pem}}}
    collect: {orders_total: {source: db, sql: SELECT COUNT(*) AS value FROM orders}}
  ai: {ingest: {unix: /run/mkit/ai.sock}, truth: {source: db, sql: 'SELECT id, value FROM truth', key: [id]}}
"""


@pytest.fixture
def full(compile_text: Compile) -> Lowered:
    return lowered(compile_text(FULL), lower_compose)


def services(files: Lowered) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = files.tree("compose.yaml")["services"]
    return found


@pytest.mark.parametrize("text", [FULL, HEAD + WEB], ids=["full", "small"])
def test_valid_for_the_compose_specification(compile_text: Compile, text: str) -> None:
    tree = lowered(compile_text(text), lower_compose).tree("compose.yaml")
    jsonschema.Draft202012Validator(SCHEMA).validate(tree)


def test_the_schema_would_notice(full: Lowered) -> None:
    tree = full.tree("compose.yaml")
    tree["services"]["grafana"]["helthcheck"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(tree)


def test_the_whole_stack_is_there(full: Lowered) -> None:
    assert set(services(full)) == {
        "prometheus-a", "prometheus-b", "am-0", "am-1", "grafana", "influxdb", "statsd-exporter",
        "mysql-exporter", "redis-exporter", "node-exporter", "pushgateway", "blackbox-exporter", "business-exporter", "ai-exporter",
    }  # fmt: skip


def test_only_what_the_spec_needs(compile_text: Compile) -> None:
    assert set(services(lowered(compile_text(HEAD + WEB), lower_compose))) == {"prometheus", "alertmanager", "grafana"}


def test_every_container_is_confined(full: Lowered) -> None:
    for name, service in services(full).items():
        assert not service["user"].startswith(("0", "root")), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        limits = service["deploy"]["resources"]["limits"]
        assert re.fullmatch(r"\d+\.\d+", limits["cpus"]), name
        assert re.fullmatch(r"\d+[MG]", limits["memory"]), name
        assert service["restart"] == "unless-stopped"
        for mount in service.get("volumes", []):
            assert mount["type"] == "volume" or mount["read_only"], (name, mount)
    assert services(full)["blackbox-exporter"]["cap_add"] == ["NET_RAW"], "for ICMP alone"


def test_health_checks_use_no_shell(full: Lowered) -> None:
    for name, service in services(full).items():
        test = service["healthcheck"]["test"]
        assert test[0] == "CMD", name
        assert not {"sh", "bash", "/bin/sh"} & set(test), name


def test_images_are_pinned_and_documented() -> None:
    for name, image in images().items():
        registry, _, tag = image["image"].rpartition(":")
        if name in DEFAULT_PORTS:
            assert (FOLDER / image["source"].split()[0]).is_file()
            assert tag == "{version}"
            continue
        assert registry.count("/") == 2, f"{name}: without a registry podman asks which one"
        assert re.search(r"\d+\.\d+\.\d+", tag), f"{name}: {tag} moves"
        assert image["source"].startswith("https://")


def test_ports_are_published_on_loopback_once(full: Lowered) -> None:
    ports = [port for service in services(full).values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    hosts = [(port.split(":")[1], port.partition("/")[2] or "tcp") for port in ports]
    assert len(hosts) == len(set(hosts))


def test_servers_listen_inside_their_container(full: Lowered) -> None:
    found = services(full)
    assert "--web.listen-address=:9090" in found["prometheus-a"]["command"]
    assert "--web.listen-address=:9093" in found["am-0"]["command"]


def test_each_replica_reads_its_own_file(full: Lowered) -> None:
    found = services(full)
    assert "--config.file=/etc/prometheus/prometheus.yml" in found["prometheus-a"]["command"]
    assert "--config.file=/etc/prometheus/prometheus-b.yml" in found["prometheus-b"]["command"]
    assert found["prometheus-a"]["networks"] == {"default": {"aliases": ["prometheus"]}}
    assert "networks" not in found["prometheus-b"]


def test_a_dollar_is_not_a_variable(full: Lowered) -> None:
    assert "--web.external-url=https://prom.example.com/$$x" in services(full)["prometheus-a"]["command"]


def test_secrets_are_files_under_their_own_path(full: Lowered) -> None:
    tree = full.tree("compose.yaml")
    # Two files of one base name stay apart; what lies below a mounted configuration folder needs no mount.
    assert tree["secrets"] == {
        name: {"file": f"${{MKIT_SECRETS:-./secrets}}/{name}"}
        for name in ("db-pem", "grafana-admin-password", "mysql-exporter-my-cnf", "shop-dsn", "smtp", "smtp-2", "vm")
    }
    found = services(full)
    assert found["am-0"]["secrets"] == [{"source": "smtp", "target": "/run/secrets/smtp"}]
    assert {s["target"] for s in found["prometheus-a"]["secrets"]} == {"/run/secrets/vm", "/srv/smtp"}
    used = {s["source"] for service in found.values() for s in service.get("secrets", [])}
    assert used == set(tree["secrets"])


def test_named_volumes_are_declared(full: Lowered) -> None:
    tree = full.tree("compose.yaml")
    used = {m["source"] for s in tree["services"].values() for m in s.get("volumes", []) if m["type"] == "volume"}
    assert used == set(tree["volumes"])


def test_order_of_start(full: Lowered) -> None:
    found = services(full)
    assert set(found["prometheus-a"]["depends_on"]) == {"am-0", "am-1", "influxdb"}
    assert found["grafana"]["depends_on"] == {"prometheus-a": {"condition": "service_healthy"}}


def test_the_page_lists_the_secrets_and_addresses(full: Lowered) -> None:
    page = full.text("docs/compose.md")
    for name in full.tree("compose.yaml")["secrets"]:
        assert f"`{name}`" in page
    assert "`127.0.0.1:9090`" in page
    # No mount can be made below a read-only one: these are only there if somebody puts them there.
    assert "| `alertmanager/slack` | `/etc/alertmanager/slack` |" in page
    assert "| `prometheus/web.password` | `/etc/prometheus/web.password` |" in page
    assert "`web-shop-monitoring`" in page


def test_servers_with_a_login_are_probed_by_port(compile_text: Compile) -> None:
    hash_ = "$2y$10$3PYNcvBoiEGzyzTJRMeBm.U3jJmnYB1pEYvZXT2fnYxXcNlwzUXn2"
    text = HEAD + f"prometheus: {{web: {{users: {{ann: {hash_}}}}}}}\n" + WEB
    found = services(lowered(compile_text(text), lower_compose))
    assert found["prometheus"]["healthcheck"]["test"] == ["CMD", "nc", "-z", "127.0.0.1", "9090"]
    assert "--web.config.file=/etc/prometheus/web.yml" in found["prometheus"]["command"]


def test_unknown_blackbox_module_is_said(compile_text: Compile) -> None:
    text = HEAD + "services:\n  s: {kind: blackbox, scrape: {targets: ['http://a'], probe: {module: my_own}}}\n"
    assert lowered(compile_text(text), lower_compose).found == [("compose/blackbox-module", "info")]
    assert "http_2xx" in BLACKBOX_MODULES


def test_an_image_older_than_the_spec_wants_is_said(compile_text: Compile) -> None:
    text = HEAD + 'compatibility: {grafana: "99.1"}\n' + WEB
    assert lowered(compile_text(text), lower_compose).found == [("compose/version", "warning")]


def test_the_login_at_alertmanager_is_a_secret_of_prometheus(compile_text: Compile) -> None:
    text = HEAD + "alerting: {basic_auth: {username: u, password_file: /s/am}}\n" + WEB
    found = services(lowered(compile_text(text), lower_compose))
    assert found["prometheus"]["secrets"] == [{"source": "am", "target": "/s/am"}]
    assert "secrets" not in found["alertmanager"]


def test_one_name_for_two_servers_is_said(compile_text: Compile) -> None:
    text = HEAD + WEB + "alerting: {alertmanagers: ['grafana:9093']}\n"
    assert lowered(compile_text(text), lower_compose).found == [("compose/name", "warning")]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("am-0:9093", "am-0"), ("alertmanager:9093", "alertmanager"), ("localhost:9093", None), ("10.0.0.1:9093", None),
        ("am.example.com:9093", None), ("[::1]:9093", None),
    ],
)  # fmt: skip
def test_plain_names_become_containers(address: str, host: str | None) -> None:
    assert local_host(address) == host


def test_own_exporters_run_from_images_that_are_built_here(full: Lowered) -> None:
    found = services(full)
    business, ai = found["business-exporter"], found["ai-exporter"]
    assert business["image"] == f"monitoring-kit-exporter-business:{__version__}"
    assert ai["image"] == f"monitoring-kit-exporter-ai:{__version__}"
    for name, exporter in (("business", business), ("ai", ai)):
        assert exporter["pull_policy"] == "never"
        assert exporter["command"][0] == f"--config=/etc/mkit/{name}.yaml"
        mounts = {m["target"]: m for m in exporter["volumes"]}
        assert mounts["/etc/mkit"] == {
            "type": "bind",
            "source": "./exporters",
            "target": "/etc/mkit",
            "read_only": True,
        }
        assert mounts["/var/lib/mkit"]["type"] == "volume"
        # The image's user owns the folders that the volumes are made from, else it could not write there.
        dockerfile = (FOLDER / "exporters" / name / "Dockerfile").read_text()
        assert f"USER {exporter['user']}" in dockerfile
        for mount in exporter["volumes"]:
            assert mount["type"] == "bind" or mount["target"] in dockerfile
        assert f"docker build -f exporters/{name}/Dockerfile -t {exporter['image']} ." in full.text("docs/compose.md")
    assert {m["source"] for m in ai["volumes"]} == {"./exporters", "ai-exporter-state", "ai-exporter-socket"}
    assert "ai-exporter-socket" in full.text("docs/compose.md")
    assert f'group_add: ["{ai["user"].partition(":")[0]}"]' in full.text("docs/compose.md")


def test_own_exporters_listen_where_they_are_scraped_and_are_probed_there(full: Lowered) -> None:
    business = services(full)["business-exporter"]
    # Not on the loopback of the container, whatever the spec's `listen` says.
    assert business["command"][1] == "--web.listen-address=:9700"
    assert business["healthcheck"]["test"][-1] == "http://127.0.0.1:9700/-/healthy"
    for name in ("business", "ai"):
        module = f"monitoring_kit.exporters.{name}.health"
        assert services(full)[f"{name}-exporter"]["healthcheck"]["test"][2:4] == ["-m", module]
        assert find_spec(module)


def test_own_exporters_get_the_secrets_that_they_read_and_no_others(full: Lowered) -> None:
    found = services(full)
    wanted = {"/run/secrets/shop_dsn", "/etc/ssl/db.pem"}
    assert {s["target"] for s in found["business-exporter"]["secrets"]} == wanted
    assert {s["target"] for s in found["ai-exporter"]["secrets"]} == wanted


def test_header_files_are_secrets_too(compile_text: Compile) -> None:
    text = HEAD + (
        "services:\n  shop: {kind: business, scrape: {targets: ['business-exporter:9641']}}\n"
        "metrics:\n  a: {type: gauge, help: A., services: [shop]}\n"
        "exporters: {business: {sources: {api: {kind: http, url: 'https://h/x', header_files: {X-Api-Key: /run/secrets/key}}},"
        " collect: {a: {source: api, jmespath: n}}}}\n"
    )
    container = services(lowered(compile_text(text), lower_compose))["business-exporter"]
    assert [s["target"] for s in container["secrets"]] == ["/run/secrets/key"]


def test_an_exporter_that_runs_elsewhere_is_said(compile_text: Compile) -> None:
    text = HEAD + (
        "services:\n  shop: {kind: business, scrape: {targets: ['10.0.0.7:9641']}}\n"
        "metrics:\n  a: {type: gauge, help: A., services: [shop]}\n"
        "exporters: {business: {sources: {db: {kind: sqlite, url: 'sqlite:////a.db'}}, collect: {a: {source: db, sql: SELECT 1}}}}\n"
    )
    files = lowered(compile_text(text), lower_compose)
    assert files.found == [("compose/exporter", "info")]
    assert "docker build" not in files.text("docs/compose.md")


def test_what_was_pushed_outlives_the_container(compile_text: Compile) -> None:
    text = (
        HEAD + "services: {jobs: {kind: pushgateway, scrape: {targets: ['push-gw:9000', 'push.example.com:9091']}}}\n"
    )
    stack = lowered(compile_text(text), lower_compose).tree("compose.yaml")
    (made,) = [made for made in stack["services"].values() if "pushgateway" in made["image"]]
    assert made == stack["services"]["push-gw"]
    assert made["command"] == ["--web.listen-address=:9000", "--persistence.file=/pushgateway/metrics"]
    assert made["ports"] == ["127.0.0.1:9000:9000"]
    assert made["healthcheck"]["test"][-1] == "http://127.0.0.1:9000/"
    assert {"type": "volume", "source": "push-gw-data", "target": "/pushgateway"}.items() <= made["volumes"][0].items()
    assert "push-gw-data" in stack["volumes"]
