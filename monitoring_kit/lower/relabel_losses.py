"""What the author's own relabeling takes from the rules: labels and metrics that they select or group by.

Rules select a service's series by ``job`` and keep ``service``; both are put on every target before the author's relabeling
runs. Only what is proven is reported: a rule that may or may not match is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from monitoring_kit.conventions import SERVICE
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.lower.model import AlertingRule, Model
from monitoring_kit.promql import metric_name, selectors
from monitoring_kit.promql.ast import Aggregate, Binary, Expr, VectorSelector
from monitoring_kit.promql.walk import walk
from monitoring_kit.resolve.metrics import SCRAPE_METRICS
from monitoring_kit.resolve.system import ServiceView, System

NAME, ADDRESS, JOB, BOUND = "__name__", "__address__", "job", "le"
_WHOLE = ("(.*)", ".*", "(.+)", ".+")


@dataclass(slots=True)
class Needs:
    """Labels and metrics of one job that rules read, each with the first rule that does."""

    labels: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)


def check_relabeling(system: System, model: Model, report: Report) -> None:
    """Report ``relabel`` and ``metric_relabel`` rules of all services that take away what generated rules need."""
    for view in system.services.values():
        scrape = view.spec.scrape
        if scrape is None or not (scrape.relabel or scrape.metric_relabel):
            continue
        needs = needs_of(view, model)
        for key in ("relabel", "metric_relabel"):
            for index, rule in enumerate(getattr(scrape, key)):
                if isinstance(rule, dict):
                    _check(rule, view, needs, key, scrape.at(key, index=index), report)


def needs_of(view: ServiceView, model: Model) -> Needs:
    """What the rules read of the service's job: names and matchers of its selectors, and the labels that results are told
    apart by, where the rule reads no other job."""
    needs = Needs()
    for group in model.groups:
        for rule in group.rules:
            found = selectors(rule.expr)
            mine = [(s, name) for s in found if _of_job(s, view.job) and (name := _relabeled(s))]
            reader = rule.name if isinstance(rule, AlertingRule) else rule.record
            for selector, name in mine:
                needs.metrics.setdefault(name, reader)
                for label in (*(m.name for m in selector.matchers), *((BOUND,) if name.endswith("_bucket") else ())):
                    needs.labels.setdefault(label, reader)
            for label in _grouped(rule.expr) if mine and len(mine) == len(found) else ():
                needs.labels.setdefault(label, reader)
    return needs


def _relabeled(selector: VectorSelector) -> str | None:
    """The metric that is read, but None for what a scrape says of itself: that is written after all relabeling."""
    name = metric_name(selector)
    return None if name in SCRAPE_METRICS else name


def _of_job(selector: VectorSelector, job: str) -> bool:
    return any(m.name == JOB and m.op == "=" and m.value == job for m in selector.matchers)


def _grouped(expr: Expr) -> Iterator[str]:
    for node in walk(expr):
        if isinstance(node, Aggregate) and not node.without:
            yield from node.grouping
        elif isinstance(node, Binary) and node.matching is not None and node.matching.on:
            yield from node.matching.labels


def _check(rule: dict[str, Any], view: ServiceView, needs: Needs, key: str, span: Span, report: Report) -> None:
    action = str(rule.get("action", "replace")).lower()
    if action in ("labeldrop", "labelkeep"):
        dropped = (label for label in _touched(key, needs) if _matches(rule, label) is (action == "labeldrop"))
        _tell_lost(list(dropped), view, needs, key, span, report)
    elif action in ("replace", "lowercase", "uppercase", "hashmod"):
        _overwritten(rule, view, key, span, report)
    elif action in ("keep", "drop") and key == "metric_relabel" and rule.get("source_labels") == [NAME]:
        gone = [name for name in needs.metrics if _matches(rule, name) is (action == "drop")]
        if gone:
            report.warning(
                "scrape/metric-lost",
                f"this drops {_some(gone)}, which `{needs.metrics[gone[0]]}` reads: it will never have a value",
                span, help="spare what the rules read, or remove the alerts, objectives and panels on it",
            )  # fmt: skip


def _touched(key: str, needs: Needs) -> Iterable[str]:
    """The labels whose loss is looked for. Target relabeling sees none of the samples' own labels."""
    if key == "relabel":
        return (ADDRESS, SERVICE, JOB)
    return dict.fromkeys((NAME, SERVICE, JOB, *needs.labels))


def _tell_lost(lost: list[str], view: ServiceView, needs: Needs, key: str, span: Span, report: Report) -> None:
    if ADDRESS in lost:
        report.error("scrape/label-lost", f"this drops `{ADDRESS}`: no target of `{view.name}` would be left", span,
                     help="name the labels to drop exactly")  # fmt: skip
    elif NAME in lost:
        report.error("scrape/label-lost", f"this drops `{NAME}`: Prometheus would store nothing of `{view.name}`", span,
                     help="name the labels to drop exactly")  # fmt: skip
    elif found := [label for label in (SERVICE, JOB) if label in lost]:
        report.error(
            "scrape/label-lost", f"this drops {_some(found)}, by which every rule and dashboard knows `{view.name}`", span,
            help="spare the labels `service` and `job`",
        )  # fmt: skip
    elif lost:
        report.warning(
            "scrape/label-lost", f"this drops {_some(lost)}, which `{needs.labels[lost[0]]}` needs", span,
            help="spare the label, or remove what reads it",
        )  # fmt: skip


def _overwritten(rule: dict[str, Any], view: ServiceView, key: str, span: Span, report: Report) -> None:
    label = rule.get("target_label")
    own = {SERVICE: view.name, JOB: view.job}.get(str(label))
    if own is None or rule.get("replacement") == own:
        return
    always = "regex" not in rule or rule["regex"] in _WHOLE
    text = f'this {"gives" if always else "may give"} `{label}` another value, but every rule and dashboard knows `{view.name}` as {label}="{own}"'
    help_ = "write to a label of another name, or declare the other values as services of their own"
    if always:
        report.error("scrape/label-lost", text, span, help=help_)
    else:
        report.warning("scrape/label-lost", text, span, help=help_)


def _matches(rule: dict[str, Any], text: str) -> bool | None:
    """Whether the rule's anchored regex matches; None when that cannot be told."""
    try:
        return re.fullmatch(str(rule.get("regex", "(.*)")), text) is not None
    except re.error:
        return None


def _some(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
