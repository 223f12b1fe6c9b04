"""SLOs beyond their rules: inhibition of slower tiers, routes, dashboard, pages."""

from __future__ import annotations

import json
from pathlib import Path

from monitoring_kit.lower.alertmanager_simulate import Router
from tests.unit.lower.slo.rig import ROUTE, compiled, spec

GROUPED = "{up: {signal: errors, objective: 99%, group_by: route}, plain: {signal: errors, objective: 99.9%}}"


def alert(tier: str, slo: str = "plain", severity: str = "warning", **more: str) -> dict[str, str]:
    return {
        "alertname": "x",
        "service": "web",
        "slo": slo,
        "slo_tier": tier,
        "severity": severity,
        "system": "shop",
        **more,
    }


def test_a_fast_tier_holds_back_the_slower_ones_of_its_slo(tmp_path: Path) -> None:
    made = compiled(spec(GROUPED, ROUTE), tmp_path)
    assert made.system is not None
    assert made.model is not None
    router = Router(made.system, made.model)
    for target, source, held in (
        (alert("page-slow"), alert("page-fast"), True),
        (alert("ticket-slow"), alert("page-slow"), True),
        (alert("ticket-slow"), alert("ticket-fast"), True),
        (alert("page-fast"), alert("page-slow"), False),
        (alert("page-fast"), alert("page-fast"), False),
        (alert("absent"), alert("page-fast"), False),
        (alert("low-traffic"), alert("page-fast"), False),
        (alert("page-slow"), alert("page-fast", "up"), False),
        (alert("page-slow") | {"service": "api"}, alert("page-fast"), False),
        (alert("page-slow", "up", route="/a"), alert("page-fast", "up", route="/a"), True),
        (alert("page-slow", "up", route="/a"), alert("page-fast", "up", route="/b"), False),
    ):
        assert router.inhibited(target, [source]) == held, (target, source)


def test_alerts_carry_owner_labels_and_channels(tmp_path: Path) -> None:
    slo = "{up: {signal: errors, objective: 99.9%, owner: core, labels: {product: shop}, notify: chat, runbook: 'https://wiki.example.com/x'}}"
    made = compiled(spec(slo), tmp_path)
    assert made.model is not None
    mine = [rule for rule in made.model.alerts if rule.kind == "slo"]
    assert [rule.name for rule in mine] == ["SloPageFast", "SloPageSlow", "SloAbsent", "SloTicketFast", "SloTicketSlow"]
    for rule in mine:
        assert rule.labels["team"] == "core"
        assert rule.labels["product"] == "shop"
        assert rule.notify == ("chat",)
        assert rule.annotations["runbook_url"] == "https://wiki.example.com/x"
        assert "viewPanel" in rule.annotations["dashboard"]


def test_user_labels_stay_off_the_history(tmp_path: Path) -> None:
    """Another label or owner is not another history."""
    records = []
    for more in ("", ", labels: {product: shop}, owner: core, runbook: 'https://wiki.example.com/x'"):
        made = compiled(spec(f"{{up: {{signal: errors, objective: 99.9%{more}}}}}"), tmp_path)
        assert made.model is not None
        records.append([(r.record, r.labels) for r in made.model.recordings])
    assert records[0] == records[1]


def test_another_definition_is_another_history(tmp_path: Path) -> None:
    """And an objective, a window or another spelling of the same selector is not."""
    total = "http_requests_total"
    same = [
        f"{{up: {{total: '{total}', bad: '{total}{{status=~\"5..\", method=\"GET\"}}', objective: 99.9%}}}}",
        f"{{up: {{total: '{total}', bad: '{total}{{method=\"GET\", status=~\"5..\"}}', objective: 99%, window: 7d}}}}",
    ]
    other = f"{{up: {{total: '{total}', bad: '{total}{{status=~\"5..\"}}', objective: 99.9%}}}}"
    names = []
    for slo in (*same, other):
        made = compiled(spec(slo), tmp_path)
        assert made.model is not None, list(made.report)
        names.append([(plan.events, plan.definition) for plan in made.model.slos])
    assert names[0] == names[1]
    assert names[0][0][0] == names[2][0][0]
    assert names[0][0][1] != names[2][0][1]


def test_the_dashboard_shows_every_window_and_chooses_groups(tmp_path: Path) -> None:
    made = compiled(spec(GROUPED, ROUTE), tmp_path)
    board = json.loads(made.outputs["grafana/dashboards/slo.json"].data)
    variables = [v["name"] for v in board["templating"]["list"]]
    assert variables == ["datasource", "service", "slo", "route"]
    burn = next(p for p in board["panels"] if p["title"] == "Burn rate")
    assert [t["legendFormat"].split()[0] for t in burn["targets"]] == ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
    data = [t["expr"] for p in board["panels"] for t in p.get("targets", []) if "slo:" in t["expr"]]
    assert all('route=~"$route"' in expr for expr in data)
    linked = (
        {rule.annotations["__panelId__"] for rule in made.model.alerts if rule.kind == "slo"} if made.model else set()
    )
    assert linked <= {str(p["id"]) for p in board["panels"]}


def test_no_slo_no_dashboard(tmp_path: Path) -> None:
    made = compiled(spec("{}"), tmp_path)
    assert made.ok
    assert "grafana/dashboards/slo.json" not in made.outputs
    assert "prometheus/rules/slo.yml" not in made.outputs


def test_the_service_page_names_them(tmp_path: Path) -> None:
    made = compiled(spec(GROUPED, ROUTE), tmp_path)
    page = made.outputs["docs/services/web.md"].data.decode()
    assert "| `up` | `errors` | no bad event | 99% | 30d | `route` |" in page
