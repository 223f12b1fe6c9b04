"""What is watched by its history is on the dashboards and in the runbooks, and alerts link to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import parse
from tests.conftest import CHANNEL, HEAD

Compile = Callable[..., Compilation]
SPEC = (
    HEAD
    + CHANNEL
    + """\
services:
  host: {kind: node, scrape: {targets: ['host:9100']}}
  model: {kind: ai-model, scrape: {targets: ['model:9642']}}
alerts:
  odd: {anomaly: traffic, severity: warning}
  full: {capacity: {signals: disk, limits: {disk: {soft: 70%, hard: 90%}}}, severity: warning}
  worse: {degradation: accuracy, severity: critical}
"""
)


@pytest.fixture
def done(compile_text: Compile) -> Compilation:
    found = compile_text(SPEC)
    assert found.ok, [d.message for d in found.report]
    return found


def panels(done: Compilation, service: str) -> dict[str, dict[str, Any]]:
    board = next(
        json.loads(o.data)
        for path, o in done.outputs.items()
        if path.endswith(".json") and f"service-{service}" in path
    )
    return {p["title"]: p for p in board["panels"]}


def test_panels(done: Compilation) -> None:
    model, host = panels(done, "model"), panels(done, "host")
    assert [t["legendFormat"] for t in model["Throughput: expected"]["targets"]] == [
        "now",
        "expected",
        "upper",
        "lower",
    ]
    assert "9 days" in model["Throughput: expected"]["description"]
    mappings = model["Throughput: anomaly detection"]["fieldConfig"]["defaults"]["mappings"]
    assert mappings[0]["options"]["0"]["text"] == "learning"
    steps = host["Disk: forecast"]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 0.7, 0.9]
    assert host["Disk: days to limit"]["fieldConfig"]["defaults"]["unit"] == "d"
    assert "{{model}} the version before" in [t["legendFormat"] for t in model["Accuracy: each version"]["targets"]]
    for panel in (*model.values(), *host.values()):
        for target in panel.get("targets", ()):
            parse(target["expr"], variables=True)


def test_every_series_of_a_panel_is_recorded(done: Compilation) -> None:
    from monitoring_kit.promql import metrics

    assert done.model is not None
    recorded = {r.record for r in done.model.recordings}
    for service in ("model", "host"):
        for panel in panels(done, service).values():
            for target in panel.get("targets", ()):
                names = {n for n in metrics(parse(target["expr"], variables=True)) if ":" in n}
                assert names <= recorded, panel["title"]


def test_alerts_link_to_their_panel(done: Compilation) -> None:
    assert done.model is not None
    linked = 0
    for rule in done.model.alerts:
        if rule.kind in ("anomaly", "capacity", "degradation"):
            assert rule.service is not None
            ids = {str(p["id"]): title for title, p in panels(done, rule.service).items()}
            assert rule.annotations["__panelId__"] in ids, rule.name
            linked += 1
    assert linked == 5


def test_runbooks(done: Compilation) -> None:
    texts = {
        name: done.outputs[f"docs/runbooks/{name}.md"].data
        for name in ("odd", "oddZero", "full", "fullSoftLimit", "worse")
    }
    pages = {name: data.decode() if isinstance(data, bytes) else data for name, data in texts.items()}
    assert "`traffic`: the value is far from what" in pages["odd"]
    assert "zero or gone" in pages["oddZero"]
    assert "crosses the hard limit" in pages["full"]
    assert "above the soft limit" in pages["fullSoftLimit"]
    assert "Roll back" in pages["worse"]


def test_a_service_without_any_has_no_row(compile_text: Compile) -> None:
    found = compile_text(HEAD + CHANNEL + "services:\n  host: {kind: node, scrape: {targets: ['host:9100']}}\n")
    assert "History" not in panels(found, "host")


def test_the_guides_example_compiles(compile_text: Compile) -> None:
    page = (Path(__file__).parents[3] / "docs/history.md").read_text()
    found = compile_text(page.split("```yaml\n")[1].split("```")[0])
    assert [d.message for d in found.report] == []
