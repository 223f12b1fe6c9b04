"""Rule groups to the trees of Prometheus' rule files."""

from __future__ import annotations

from typing import Any

from monitoring_kit.lower.model import AlertingRule, Model, RecordingRule, RuleGroup
from monitoring_kit.lower.tree import Branch, OutFile


def lower_rule_files(model: Model) -> list[OutFile]:
    """One file a rule file path, each with its groups in order."""
    files: dict[str, list[Any]] = {}
    for group in model.groups:
        if group.rules:
            files.setdefault(group.file, []).append(group_tree(group))
    return [OutFile(path, "yaml", Branch(groups=groups)) for path, groups in files.items()]


def group_tree(group: RuleGroup) -> Branch:
    """A rule group as Prometheus reads it."""
    return Branch(
        name=group.name,
        interval=str(group.interval) if group.interval else None,
        rules=[rule_tree(r) for r in group.rules],
    )


def rule_tree(rule: RecordingRule | AlertingRule) -> Branch:
    """A rule as Prometheus reads it."""
    if isinstance(rule, RecordingRule):
        return Branch(rule.origin, record=rule.record, expr=rule.printed, labels=rule.labels or None)
    return Branch(
        rule.origin,
        {"alert": rule.name, "expr": rule.printed, "for": str(rule.for_) if rule.for_.ms else None},
        keep_firing_for=str(rule.keep_firing_for) if rule.keep_firing_for.ms else None,
        labels=rule.labels,
        annotations=rule.annotations,
    )
