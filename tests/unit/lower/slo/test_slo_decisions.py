"""Our pages are sloth's pages, minute by minute, on the same series and the same rule engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monitoring_kit.importers import import_sloth
from monitoring_kit.importers.write import as_spec
from tests.slo_layouts import counters, sloth_rules
from tests.unit.lower.slo.rig import CHANNELS, Run, rules_of

HOURS = 10
BAD = 'sum(rate(http_requests_total{job="web",status=~"5.."}[%s]))'
TOTAL = 'sum(rate(http_requests_total{job="web"}[%s]))'
SLOTH = """\
version: prometheus/v1
service: web
slos:
  - {{name: up, objective: {objective}, sli: {sli}, alerting: {{name: Ours}}}}
"""
_BAD, _TOTAL = BAD % "{{.window}}", TOTAL % "{{.window}}"
EVENTS = f"{{events: {{error_query: '{_BAD}', total_query: '{_TOTAL}'}}}}"
RAW = f"{{raw: {{error_ratio_query: '({_BAD}) / ({_TOTAL})'}}}}"


def imported(folder: Path, sli: str, objective: float, profile: str) -> list[Path]:
    """The rules of the imported objective, without keep_firing_for, which sloth has not."""
    (folder / "sloth.yml").write_text(SLOTH.format(objective=objective, sli=sli))
    spec = as_spec(import_sloth([folder / "sloth.yml"]), "shop", "sloth.yml") + CHANNELS
    rules = rules_of(spec.replace("objective:", f"profile: {profile}\n        objective:", 1), folder)
    for path in rules:
        path.write_text(re.sub(r"\n *keep_firing_for: .*", "", path.read_text()))
    own = folder / "theirs.yml"
    groups = sloth_rules("web", "up", BAD, TOTAL, objective / 100, "Theirs")["groups"]
    # sloth's alerts stand in a group of their own and may read the tick before; here they are given the same instant.
    together = {"name": "theirs", "rules": [rule for group in groups for rule in group["rules"]]}
    own.write_text(yaml.safe_dump({"groups": [together]}))
    return [*rules, own]


def differing(alert: str, severity: str) -> str:
    """Minutes in which one side fires and the other does not."""
    ours = f'max(ALERTS{{alertname="Ours", slo_tier=~"{alert}.*", alertstate="firing"}})'
    theirs = f'max(ALERTS{{alertname="Theirs", sloth_severity="{severity}", alertstate="firing"}})'
    return f"sum_over_time(abs((({ours}) or vector(0)) - (({theirs}) or vector(0)))[{HOURS}h:1m])"


@pytest.mark.parametrize(("sli", "rps", "seed"), [(EVENTS, 40.0, 1), (EVENTS, 0.5, 2), (RAW, 40.0, 1)])
def test_imported_objectives_page_as_sloth_does(tmp_path: Path, sli: str, rps: float, seed: int) -> None:
    run = Run(imported(tmp_path, sli, 99.9, "exact"), tmp_path, step="1m")
    for labels, values in counters(2, 2, rps, HOURS * 60, 60, seed):
        text = ",".join(f'{k}="{v}"' for k, v in labels.items())
        run.put(f"http_requests_total{{{text}}}", " ".join(str(value) for _, value in values))
    run.expect(f"{HOURS}h", differing("page", "page"), {"{}": 0})
    fired = f'sum_over_time(max(ALERTS{{alertname="Theirs", sloth_severity="page", alertstate="firing"}})[{HOURS}h:1m]) > bool 10'
    run.expect(f"{HOURS}h", fired, {"{}": 1})
    # Tickets read tiles: their edges may move by the six minutes that a tile lags, a few times.
    run.expect(f"{HOURS}h", f"{differing('ticket', 'ticket')} < bool 60", {"{}": 1})
    assert run.passes()
