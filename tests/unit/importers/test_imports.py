"""Specs of sloth and OpenSLO become specs of ours that compile; what has no counterpart is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from monitoring_kit.cli.import_ import command
from monitoring_kit.pipeline import compile_spec

SLOTH = Path(__file__).parents[2] / "data/sloth/getting-started.yml"
CRD = """\
apiVersion: sloth.slok.dev/v1
kind: PrometheusServiceLevel
metadata: {name: x}
spec:
  service: shop
  slos:
    - name: up
      objective: 99.9
      sli: {events: {errorQuery: 'sum(rate(a_total{code="5"}[{{.window}}]))', totalQuery: 'sum(rate(a_total[{{.window}}]))'}}
      alerting: {pageAlert: {disable: true}, ticketAlert: {labels: {severity: info}}}
---
unrelated: true
"""
OPENSLO = """\
apiVersion: openslo/v1
kind: SLI
metadata: {name: errors}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {type: Prometheus, spec: {query: 'sum(http_requests_total{code!~"5.."})'}}}
    total: {metricSource: {type: Prometheus, spec: {query: sum(http_requests_total)}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: web-up, displayName: Web, labels: {tier: gold, many: [a, b]}}
spec:
  service: web
  indicatorRef: errors
  timeWindow: [{duration: 1M, isRolling: false, calendar: {startTime: 2026-01-01 00:00:00, timeZone: Europe/Berlin}}]
  budgetingMethod: Occurrences
  objectives:
    - {displayName: good, target: 0.99}
    - {displayName: better, targetPercent: 99.9}
  alertPolicies: [{alertPolicyRef: page}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: slow}
spec:
  service: web
  indicator: {metadata: {name: i}, spec: {thresholdMetric: {metricSource: {spec: {query: a}}}}}
  timeWindow: [{duration: 28d, isRolling: true}]
  objectives: [{target: 0.9}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: raw}
spec:
  service: web
  indicator: {metadata: {name: i}, spec: {ratioMetric: {rawType: success, raw: {metricSource: {spec: {query: 'sum(rate(ok_total[5m])) / sum(rate(all_total[5m]))'}}}}}}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Timeslices
  objectives: [{target: 0.99, timeSliceTarget: 0.9}]
"""


def run(kind: str, *files: Path) -> tuple[dict[str, object], str]:
    done = CliRunner().invoke(command, [kind, *map(str, files)])
    assert done.exit_code == 0, done.output
    return yaml.safe_load(done.stdout), done.stderr


def compiles(spec: object, folder: Path) -> None:
    path = folder / "mkit.yaml"
    assert isinstance(spec, dict)
    path.write_text(yaml.safe_dump({**spec, "channels": {"mail": {"kind": "webhook", "url": "http://hook:1/"}}}))
    made = compile_spec(path, None, {})
    assert made.ok, [f"{d.code} {d.message}" for d in made.report]
    assert made.model is not None
    assert len(made.model.slos) == sum(len(s["slos"]) for s in spec["services"].values())


def test_sloth(tmp_path: Path) -> None:
    spec, notes = run("sloth", SLOTH)
    slos = spec["services"]["myservice"]["slos"]  # type: ignore[index]
    assert list(slos) == ["requests-availability", "raw-ratio"]
    first = slos["requests-availability"]
    assert first["total"] == 'sum(rate(http_request_duration_seconds_count{job="myservice"}[$window]))'
    assert first["objective"] == "99.9%"
    assert first["window"] == "30d"
    assert first["labels"] == {"owner": "myteam", "repo": "myorg/myservice", "category": "availability"}
    assert first["tiers"]["page_slow"] == {"name": "MyServiceHighErrorRate", "severity": "critical"}
    assert slos["raw-ratio"]["tiers"] == {"page_fast": {"disable": True}, "page_slow": {"disable": True}}
    for said in ("with-plugin: left out", "routing_key=myteam", "annotations"):
        assert said in notes
    compiles(spec, tmp_path)


def test_sloth_object_of_kubernetes(tmp_path: Path) -> None:
    (tmp_path / "crd.yml").write_text(CRD)
    spec, _ = run("sloth", tmp_path / "crd.yml")
    slo = spec["services"]["shop"]["slos"]["up"]  # type: ignore[index]
    assert slo["bad"] == 'sum(rate(a_total{code="5"}[$window]))'
    assert slo["tiers"]["ticket_fast"] == {"severity": "info"}
    compiles(spec, tmp_path)


def test_openslo(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text(OPENSLO)
    spec, notes = run("openslo", tmp_path / "o.yaml")
    slos = spec["services"]["web"]["slos"]  # type: ignore[index]
    assert list(slos) == ["web-up-good", "web-up-better", "raw"]
    assert slos["web-up-better"] == {
        "total": "sum(rate(http_requests_total[$window]))", "good": 'sum(rate(http_requests_total{code!~"5.."}[$window]))',
        "description": "Web", "window": "month", "labels": {"tier": "gold"}, "objective": "99.9%",
    }  # fmt: skip
    assert slos["raw"]["error_ratio"] == "1 - (sum(rate(ok_total[$window])) / sum(rate(all_total[$window])))"
    for said in ("slow: left out", "Timeslices", "`timeSliceTarget`", "alert policies", "Europe/Berlin", "`many`"):
        assert said in notes
    compiles(spec, tmp_path)


@pytest.mark.parametrize("kind", ["sloth", "openslo"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "no YAML"),
        ("- 1", "no mapping"),
        ("a: 1", "no document says"),
        ("[" * 5000, "file"),
        ("", "no document says"),
    ],
)
def test_what_cannot_be_imported(kind: str, text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_text(text)
    done = CliRunner().invoke(command, [kind, str(tmp_path / "file.yml")])
    assert done.exit_code == 1
    assert says in done.stderr
    assert "Traceback" not in done.output


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "mkit.yaml"
    out.write_text("mine")
    done = CliRunner().invoke(command, ["sloth", str(SLOTH), "-o", str(out)])
    assert done.exit_code == 1
    assert out.read_text() == "mine"
    assert done.stderr == f"error: {out} is there already; --force replaces it\n", "nothing else is worth reading then"
    assert CliRunner().invoke(command, ["sloth", str(SLOTH), "-o", str(out), "--force"]).exit_code == 0
    assert out.read_text().startswith("# Imported")
