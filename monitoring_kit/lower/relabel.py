"""Relabeling rules: making them, and checking the ones that users write themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.lower.tree import Branch
from monitoring_kit.spec.services import Scrape
from monitoring_kit.targets import Feature, supported

KEYS = ("source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action")
# prometheus/model/relabel/relabel.go: the actions, and what each cannot do without (keepequal and dropequal since 2.41).
NEEDS: dict[str, tuple[str, ...]] = {
    "replace": ("target_label",),
    "lowercase": ("source_labels", "target_label"),
    "uppercase": ("source_labels", "target_label"),
    "keep": ("source_labels", "regex"),
    "drop": ("source_labels", "regex"),
    "keepequal": ("source_labels", "target_label"),
    "dropequal": ("source_labels", "target_label"),
    "hashmod": ("source_labels", "modulus", "target_label"),
    "labelmap": ("regex",),
    "labeldrop": ("regex",),
    "labelkeep": ("regex",),
}


def literal(text: str) -> str:
    """``text`` as a replacement that stands for itself: a dollar would start a capture group's name."""
    return text.replace("$", "$$")


def set_label(name: str, value: str) -> Branch:
    """A rule that gives every target the label."""
    return Branch(target_label=name, replacement=literal(value))


def copy_label(source: str, target: str) -> Branch:
    """A rule that copies a label, leaving the target label away where the source is empty."""
    return Branch(source_labels=[source], regex="(.+)", target_label=target)


def keep(source: str, regex: str) -> Branch:
    """A rule that keeps only the targets (or samples) whose label matches the anchored ``regex``."""
    return Branch(source_labels=[source], regex=regex, action="keep")


def drop(source: str, regex: str) -> Branch:
    """A rule that drops the targets (or samples) whose label matches the anchored ``regex``."""
    return Branch(source_labels=[source], regex=regex, action="drop")


def drop_label(name: str) -> Branch:
    """A rule that removes a label."""
    return Branch(regex=name, action="labeldrop")


_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
# prometheus/model/relabel/relabel.go, relabelTarget: what `replace` and `labelmap` may write to, with references to the groups of
# `regex`. The same language as the expression there, which backtracks without end in Python: Go's does not backtrack.
_REFERENCE = r"\$(?:\{\w+\}|\w)"
_TEMPLATE = re.compile(rf"(?:[a-zA-Z_]|{_REFERENCE})(?:\w|{_REFERENCE})*", re.ASCII)


def written_rules(scrape: Scrape, key: str, report: Report, prometheus: str) -> Iterator[Branch]:
    """The author's own rules under ``relabel`` or ``metric_relabel``, each checked the way that version of ``prometheus`` would."""
    any_name = supported(Feature.UTF8_NAMES, {"prometheus": prometheus})
    for index, rule in enumerate(getattr(scrape, key)):
        span = scrape.at(key, index=index)
        if _sound(rule, span, report) and (any_name or _plain_names(rule, span, report)):
            yield Branch(span, {name: rule[name] for name in KEYS if name in rule})


def _sound(rule: Any, span: Span, report: Report) -> bool:
    if not isinstance(rule, dict):
        report.error("scrape/relabel", "a relabeling rule is a mapping", span, help="write {action: drop, source_labels: [a], regex: b}")  # fmt: skip
        return False
    unknown = [name for name in rule if name not in KEYS]
    if unknown:
        report.error("scrape/relabel", f"a relabeling rule has no `{unknown[0]}`", span, help=did_you_mean(str(unknown[0]), KEYS))  # fmt: skip
        return False
    action = str(rule.get("action", "replace")).lower()
    if action not in NEEDS:
        report.error("scrape/relabel", f"there is no relabeling action `{action}`", span, help=did_you_mean(action, NEEDS))  # fmt: skip
        return False
    absent = [name for name in NEEDS[action] if not rule.get(name)]
    if absent:
        report.error("scrape/relabel", f"the relabeling action `{action}` needs `{absent[0]}`", span)
    sources = rule.get("source_labels", [])
    if not isinstance(sources, list):
        report.error("scrape/relabel", "`source_labels` is a list", span, help=f"write source_labels: [{sources}]")
        return False
    return not absent and _regex_compiles(rule.get("regex"), span, report)


def _plain_names(rule: dict[str, Any], span: Span, report: Report) -> bool:
    """Whether every label name of a sound rule is one for all versions; those from 3.0 on take others too."""
    action = str(rule.get("action", "replace")).lower()
    wrong = [name for name in map(str, rule.get("source_labels", [])) if not _LABEL.fullmatch(name)]
    target = rule.get("target_label")
    if target is not None and not (_TEMPLATE if action == "replace" else _LABEL).fullmatch(str(target)):
        wrong.append(str(target))
    if action == "labelmap" and not _TEMPLATE.fullmatch(str(rule.get("replacement", "$1"))):
        wrong.append(str(rule["replacement"]))
    if wrong:
        plain = re.sub(r"[^a-zA-Z0-9_${}]", "_", wrong[0]).lstrip("0123456789")
        if not _TEMPLATE.fullmatch(plain):
            plain = re.sub("[^a-zA-Z0-9_]", "_", plain).lstrip("0123456789") or "name"
        report.error("scrape/relabel", f"`{wrong[0]}` is not a valid label name", span, help=f"write `{plain}`")
    return not wrong


def _regex_compiles(regex: Any, span: Span, report: Report) -> bool:
    from monitoring_kit.promql.re2 import RE2Error, analyse

    if regex is None:
        return True
    try:
        analyse(str(regex))
    except RE2Error as error:
        report.error("scrape/relabel", f"`{regex}` is no regular expression: {error.message}", span)
        return False
    return True
