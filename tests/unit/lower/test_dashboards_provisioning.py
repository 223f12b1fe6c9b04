"""How Grafana finds data sources and dashboards, and what the overview does with very many services."""

from __future__ import annotations

from monitoring_kit.lower.dashboards import lower_grafana
from tests.unit.lower.dashboard_help import Built, data_panels
from tests.unit.lower.spec_text import HEAD, WEB, Compile, lowered


def test_data_sources(compile_text: Compile) -> None:
    text = f"{HEAD}prometheus: {{scrape_interval: 20s}}\ngrafana: {{prometheus_url: 'http://prom$1:9090'}}\nalerting: {{alertmanagers: ['am-a:9093', 'am-b:9093']}}\n{WEB}"
    tree = lowered(compile_text(text), lower_grafana).tree("grafana/provisioning/datasources/mkit.yml")
    assert tree["apiVersion"] == 1
    prometheus, alertmanager = tree["datasources"]
    assert (prometheus["uid"], prometheus["type"], prometheus["editable"]) == ("mkit-prometheus", "prometheus", False)
    assert prometheus["url"] == "http://prom$$1:9090"
    assert prometheus["jsonData"] == {
        "httpMethod": "POST",
        "timeInterval": "20s",
        "prometheusType": "Prometheus",
        "prometheusVersion": "2.42.0",
        "manageAlerts": True,
        "alertmanagerUid": "mkit-alertmanager",
    }
    assert (alertmanager["uid"], alertmanager["url"]) == ("mkit-alertmanager", "http://am-a:9093")
    assert alertmanager["jsonData"]["implementation"] == "prometheus"


def test_without_alertmanager_there_is_no_data_source_for_it(compile_text: Compile) -> None:
    text = f"{HEAD}alerting: {{alertmanagers: []}}\n{WEB}"
    (prometheus,) = lowered(compile_text(text), lower_grafana).tree("grafana/provisioning/datasources/mkit.yml")[
        "datasources"
    ]
    assert "alertmanagerUid" not in prometheus["jsonData"]


def test_one_provider_for_the_one_folder(compile_text: Compile) -> None:
    tree = lowered(compile_text(f"{HEAD}grafana: {{folder: Web shop}}\n{WEB}"), lower_grafana).tree(
        "grafana/provisioning/dashboards/mkit.yml"
    )
    (provider,) = tree["providers"]
    assert (provider["folder"], provider["folderUid"]) == ("Web shop", "shop-folder")
    assert provider["allowUiUpdates"] is False
    assert provider["options"] == {"path": "/etc/grafana/dashboards", "foldersFromFilesStructure": False}


def many(count: int) -> str:
    rows = "".join(f"  svc-{i:03}: {{kind: http, scrape: {{targets: ['h{i}:80']}}}}\n" for i in range(count))
    return f"{HEAD}services:\n{rows}"


def test_the_overview_of_many_services_shows_the_worst(compile_text: Compile) -> None:
    built = Built(compile_text(many(30)))
    errors = built.panel("system", "Error ratio (highest 20)")
    assert errors["targets"][0]["expr"] == 'topk(20, service:errors:ratio_rate5m{service=~"$service"})'
    assert built.panel("system", "Availability (lowest 20)")["targets"][0]["expr"].startswith("bottomk(20,")
    assert built.panel("system", "Services")["targets"][0]["expr"] == 'min by (service) (up{service=~"$service"}) < 1'


def test_drill_down_makes_the_uid_from_the_label_where_it_can(compile_text: Compile) -> None:
    built = Built(compile_text(many(3)))
    (link, *_) = built.panel("system", "Error ratio")["fieldConfig"]["defaults"]["links"]
    assert link["url"].startswith("/d/shop-service-${__field.labels.service}?${__url_time_range}")
    assert built.panel("system", "Error ratio")["fieldConfig"]["overrides"] == []


def test_drill_down_names_each_service_where_the_label_is_no_uid(example: Built) -> None:
    overrides = example.panel("system", "Error ratio")["fieldConfig"]["overrides"]
    links = {o["matcher"]["options"]: o["properties"][0]["value"][0]["url"] for o in overrides}
    assert set(links) == set(example.system.services)
    assert links["beCamera"].startswith("/d/ai-camera-counting-service-becamera?")


def test_a_single_service_has_an_overview_as_well(compile_text: Compile) -> None:
    built = Built(compile_text(HEAD + WEB))
    titles = [panel["title"] for panel in data_panels(built.boards["system"])]
    assert "Error ratio" in titles
    assert "Latency p95" in titles
