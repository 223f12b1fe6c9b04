"""Prometheus rule files and PrometheusRule resources as groups of positioned rules.

Sources: ``model/rulefmt/rulefmt.go`` of Prometheus (keys, names, what is refused) and the PrometheusRule CRD of
prometheus-operator (``spec.groups``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from monitoring_kit.diagnostics import Diagnostic, Report, Severity, Source, Span
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.lint.places import Place
from monitoring_kit.load.files import InputDocument, documents
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence
from monitoring_kit.promql import Expr, PromQLError, parse
from monitoring_kit.promql.literals import parse_duration
from monitoring_kit.promql.walk import metric_name, selectors
from monitoring_kit.targets import Feature, describe, supported

GROUP_KEYS = ("name", "interval", "limit", "rules", "query_offset", "labels", "partial_response_strategy")
RULE_KEYS = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
KINDS = ("PrometheusRule", "List", "PrometheusRuleList")


@dataclass(slots=True, eq=False)
class FileRule:
    """One rule with its expression parsed (None where it is no PromQL). Times are in milliseconds."""

    kind: str
    name: str
    expr: Expr | None
    text: str
    place: Place
    for_ms: int = 0
    keep_ms: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class FileGroup:
    """A rule group of a file, its rules in the order of evaluation."""

    file: str
    name: str
    span: Span
    interval_ms: int | None
    interval_span: Span | None
    rules: list[FileRule]
    labels: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)


def is_rules(root: Node) -> bool:
    """Whether the document holds rules, plain or as a Kubernetes resource."""
    if not isinstance(root, Mapping):
        return False
    kind = root.get("kind")
    return "groups" in root.entries or (isinstance(kind, Scalar) and kind.text in KINDS)


def names_read(rule: FileRule) -> set[str]:
    """The metric names that its expression selects; none for one that is no PromQL."""
    return {name for node in selectors(rule.expr) if (name := metric_name(node))} if rule.expr is not None else set()


def read_rules(source: Source, report: Report, version: str | None = None) -> list[FileGroup]:
    """The groups of a file. Everything for which Prometheus (of ``version`` if it is known) would refuse the file is reported."""
    found: list[FileGroup] = []
    plain: list[InputDocument] = []
    for document in documents(source, report):
        root = document.root
        if isinstance(root, Scalar) and root.is_null:
            continue
        if not isinstance(root, Mapping) or not is_rules(root):
            span = (
                root.entries[next(iter(root.entries))].key.span
                if isinstance(root, Mapping) and root.entries
                else root.span
            )
            report.error(
                "lint/not-rules",
                "these are no rules: neither `groups` nor a PrometheusRule",
                span,
                help="a rule file is `groups: [{name: …, rules: […]}]`",
            )
            continue
        if "groups" in root.entries and "kind" not in root.entries:
            plain.append(document)
        for holder in _holders(root, report):
            found += _groups(holder, source.file, report, version)
    _only_first(plain, source, report)
    _same_names(found, report, resource=not plain)
    return found


def _only_first(plain: list[InputDocument], source: Source, report: Report) -> None:
    for document in plain[1:]:
        report.warning(
            "lint/documents", "Prometheus loads only the first YAML document of a rule file: these rules do not exist for it",
            document.root.span if document.root.span.line >= document.line else Span(source.file, document.line),
            help="put the groups into one list, or into files of their own",
        )  # fmt: skip


def _holders(root: Mapping, report: Report) -> Iterator[Mapping]:
    """The mappings that hold ``groups``."""
    kind = root.get("kind")
    if not isinstance(kind, Scalar):
        yield root
    elif kind.text in ("List", "PrometheusRuleList"):
        for item in _items(root.get("items")):
            inner = item.get("kind") if isinstance(item, Mapping) else None
            if isinstance(item, Mapping) and (
                kind.text != "List" or (isinstance(inner, Scalar) and inner.text == "PrometheusRule")
            ):
                yield from _spec(item, report)
    else:
        yield from _spec(root, report)


def _spec(resource: Mapping, report: Report) -> Iterator[Mapping]:
    spec = resource.get("spec")
    if isinstance(spec, Mapping):
        yield spec
    else:
        report.error(
            "lint/structure",
            "a PrometheusRule has its groups under `spec`",
            resource.key_span("kind"),
            help="write `spec: {groups: […]}`",
        )


def _items(node: Node | None) -> list[Node]:
    return node.items if isinstance(node, Sequence) else []


def _groups(holder: Mapping, file: str, report: Report, version: str | None) -> Iterator[FileGroup]:
    groups = holder.get("groups")
    if groups is not None and not isinstance(groups, Sequence) and not (isinstance(groups, Scalar) and groups.is_null):
        report.error("lint/structure", "`groups` must be a list", groups.span)
    for node in _items(groups):
        if not isinstance(node, Mapping):
            report.error("lint/structure", "a group must be a mapping with `name` and `rules`", node.span)
            continue
        _keys(node, GROUP_KEYS, "group", report)
        name = _text(node, "name")
        if not name:
            report.error(
                "lint/structure",
                "the group has no name",
                node.span if "name" not in node.entries else node.value_span("name"),
                help="write `name: …`",
            )
        group = FileGroup(
            file,
            name,
            node.key_span("name"),
            _duration(node, "interval", report),
            node.value_span("interval"),
            [],
            _strings(node, "labels", report),
        )
        group.keys = {key: entry.key.span for key, entry in node.entries.items()}
        rules = node.get("rules")
        if rules is not None and not isinstance(rules, Sequence) and not (isinstance(rules, Scalar) and rules.is_null):
            report.error("lint/structure", "`rules` must be a list", rules.span)
        for rule in _items(rules):
            if isinstance(rule, Mapping):
                made = _rule(rule, report, version)
                if made is not None:
                    made.labels = {**group.labels, **made.labels}
                    group.rules.append(made)
            else:
                report.error(
                    "lint/structure", "a rule must be a mapping with `alert` or `record`, and `expr`", rule.span
                )
        yield group


def _rule(node: Mapping, report: Report, version: str | None) -> FileRule | None:
    _keys(node, RULE_KEYS, "rule", report)
    record, alert = _text(node, "record"), _text(node, "alert")
    if bool(record) == bool(alert):
        both = record and alert
        report.error(
            "lint/structure", "a rule has either `record` or `alert`, not both" if both else "the rule has neither `record` nor `alert`",
            node.key_span("alert") if both else node.span, help="split it into two rules" if both else "",
        )  # fmt: skip
        return None
    place = Place(node.span)
    for key in ("expr", "for", "keep_firing_for", "record", "alert"):
        value = node.get(key)
        if isinstance(value, Scalar):
            place.fields[key] = value
    labels, annotations = _strings(node, "labels", report), _strings(node, "annotations", report)
    for prefix, key in (("labels.", "labels"), ("", "annotations")):
        block = node.get(key)
        for name, entry in block.entries.items() if isinstance(block, Mapping) else ():
            if isinstance(entry.value, Scalar) and f"{prefix}{name}" not in place.fields:
                place.fields[f"{prefix}{name}"] = entry.value
    _names(node, record, labels, report, version)
    text = _text(node, "expr")
    if not text:
        report.error(
            "lint/structure",
            "the rule has no expression",
            node.key_span("alert" if alert else "record"),
            help="write `expr: …`",
        )
    for key in ("for", "keep_firing_for", "annotations") if record else ():
        if key in node.entries and not (isinstance(node.get(key), Scalar) and node.get(key).is_null):  # type: ignore[union-attr]
            report.error(
                "lint/structure",
                f"a recording rule cannot have `{key}`",
                node.key_span(key),
                help="remove it: Prometheus refuses the file",
            )
    return FileRule(
        "record" if record else "alert", record or alert, _parsed(text, place, report) if text else None, text, place,
        _duration(node, "for", report) or 0, _duration(node, "keep_firing_for", report) or 0, labels, annotations,
    )  # fmt: skip


def _names(node: Mapping, record: str, labels: dict[str, str], report: Report, version: str | None) -> None:
    if record and any(brace in record for brace in "{}"):
        report.error(
            "lint/structure",
            f"`{record}` is no metric name",
            node.value_span("record"),
            help="letters, digits, `_` and `:` make a name",
        )
    elif record and not _METRIC.fullmatch(record):
        _later(Feature.RULE_UTF8_NAMES, record, node.value_span("record"), report, version)
    block = node.get("labels")
    for name in labels:
        span = block.key_span(name) if isinstance(block, Mapping) else node.span
        if name == "__name__":
            report.error(
                "lint/structure", f"a rule cannot set the label `{name}`", span, help="the name is the rule's `record`"
            )
        elif not _LABEL.fullmatch(name):
            _later(Feature.UTF8_NAMES, name, span, report, version)


def _later(feature: Feature, name: str, span: Span, report: Report, version: str | None) -> None:
    """A name of other characters, which only later versions take: proven wrong where the version is known."""
    if version is not None and supported(feature, {"prometheus": version}):
        return
    severity = Severity.WARNING if version is None else Severity.ERROR
    text = f"not every Prometheus takes the name `{name}`: {describe(feature)}"
    help_ = "letters, digits and `_` make a name for all; say which version runs with `--prometheus-version`"
    report.add(Diagnostic("lint/structure", severity, text, span, help_))


def _parsed(text: str, place: Place, report: Report) -> Expr | None:
    try:
        return parse(text)
    except PromQLError as error:
        report.error(
            "promql/syntax", f"invalid PromQL: {error.message}", place.at("expr", *error.span), help=error.help
        )
        return None


def _keys(node: Mapping, known: tuple[str, ...], what: str, report: Report) -> None:
    for key, entry in node.entries.items():
        if key not in known:
            report.error(
                "lint/structure",
                f"a {what} has no key `{key}`: Prometheus refuses the file",
                entry.key.span,
                help=did_you_mean(key, known, "keys"),
            )


def _text(node: Mapping, key: str) -> str:
    value = node.get(key)
    return value.text if isinstance(value, Scalar) and not value.is_null else ""


def _strings(node: Mapping, key: str, report: Report) -> dict[str, str]:
    block = node.get(key)
    if block is None or (isinstance(block, Scalar) and block.is_null):
        return {}
    if not isinstance(block, Mapping):
        report.error("lint/structure", f"`{key}` must be a mapping", block.span)
        return {}
    found = {}
    for name, entry in block.entries.items():
        if isinstance(entry.value, Scalar):
            found[name] = "" if entry.value.is_null else entry.value.text
        else:
            report.error("lint/structure", f"`{name}` must be a text", entry.value.span)
    return found


def _duration(node: Mapping, key: str, report: Report) -> int | None:
    value = node.get(key)
    if value is None or (isinstance(value, Scalar) and value.is_null):
        return None
    if isinstance(value, Scalar):
        try:
            return parse_duration(value.text) if value.text != "0" else 0
        except ValueError:
            pass
    report.error(
        "lint/structure", "this is no duration: Prometheus refuses the file", value.span, help="write 30s, 5m or 1h30m"
    )
    return None


def _same_names(groups: list[FileGroup], report: Report, *, resource: bool) -> None:
    seen: dict[str, FileGroup] = {}
    for group in groups if not resource else ():
        first = seen.setdefault(group.name, group)
        if first is not group and group.name:
            from monitoring_kit.diagnostics import Note

            report.error(
                "lint/structure", f"two groups of the file are called `{group.name}`: Prometheus refuses it", group.span,
                notes=(Note(first.span, "the first one"),),
            )  # fmt: skip
