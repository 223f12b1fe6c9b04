"""The page of simulated incidents, and what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from monitoring_kit.live.simulate.report import HEAD, as_text
from monitoring_kit.live.simulate.run import Played
from monitoring_kit.live.simulate.scenario import Scenario
from monitoring_kit.lower.model import AlertingRule, Model, RuleGroup


def page(spec: str, model: Model, played: Sequence[Played]) -> str:
    """The report in Markdown, with the fingerprint of what was played at its end."""
    mark = fingerprint(model, [p.scenario for p in played])
    return HEAD.format(spec=spec) + as_text(played, markdown=True) + f"\n<!-- rules and scenarios: {mark} -->\n"


def fingerprint(model: Model, scenarios: Sequence[Scenario]) -> str:
    """Of the rules and the scenarios: with another one the page may be another."""
    return hashlib.sha256(f"{rules_text(model.groups, model)}\n{list(scenarios)}".encode()).hexdigest()[:16]


def rules_text(groups: Iterable[RuleGroup], model: Model) -> str:
    """Every rule with all that decides when it fires and what it is told apart by."""
    lines = []
    for group in groups:
        lines.append(f"{group.name} every {group.interval or model.system.spec.prometheus.evaluation_interval}")
        for rule in group.rules:
            times = (rule.name, str(rule.for_), str(rule.keep_firing_for)) if isinstance(rule, AlertingRule) else ()
            labels = (f"{name}={value}" for name, value in sorted(rule.labels.items()))
            lines.append(" ".join((*times, rule.printed, *labels)))
    return "\n".join(lines)
