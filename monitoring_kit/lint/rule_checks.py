"""What can be wrong between the rules of files: use, lag, repetition, versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitoring_kit.diagnostics import Diagnostic, Note, Span
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.lint.rule_files import FileGroup, FileRule
from monitoring_kit.promql import Expr, print_expr
from monitoring_kit.promql.literals import format_duration
from monitoring_kit.promql.walk import metric_name, selectors
from monitoring_kit.targets import Feature, describe, supported

CODES = ("rules/lag", "rules/unused", "rules/duplicate", "promql/version")


def check_rules(groups: list[FileGroup], panels: Iterable[Expr] | None, version: str | None) -> Iterator[Diagnostic]:
    """All findings between rules. ``panels`` are the expressions of dashboards, None when none were given."""
    yield from _lags(groups)
    yield from _unused(groups, panels)
    yield from _duplicates(groups)
    if version is not None:
        yield from _versions(groups, version)


def _reads(rule: FileRule) -> set[str]:
    return {name for node in selectors(rule.expr) if (name := metric_name(node))} if rule.expr is not None else set()


def _lags(groups: list[FileGroup]) -> Iterator[Diagnostic]:
    """A rule that is evaluated more often than what it reads is recorded."""
    homes: dict[str, list[tuple[FileGroup, FileRule]]] = {}
    for group in groups:
        for rule in group.rules:
            if rule.kind == "record":
                homes.setdefault(rule.name, []).append((group, rule))
    for group in groups:
        for rule in group.rules:
            for name in sorted(_reads(rule) & homes.keys()):
                home, recorded = homes[name][0]
                if any(h is group for h, _ in homes[name]) or not home.interval_ms or not group.interval_ms:
                    continue
                if home.interval_ms > group.interval_ms:
                    yield Diagnostic(
                        "rules/lag", Severity.INFO,
                        f"`{name}` is recorded every {format_duration(home.interval_ms)}, but this rule is evaluated every {format_duration(group.interval_ms)}: it sees each value several times",
                        _where(rule, name), "give both groups the same interval", (Note(recorded.place.fields["record"].span, "recorded here"),),
                    )  # fmt: skip


def _where(rule: FileRule, name: str) -> Span:
    for node in selectors(rule.expr):  # type: ignore[arg-type]
        if metric_name(node) == name:
            return rule.place.at("expr", node.span[0], node.span[0] + len(name) if node.name == name else node.span[1])
    return rule.place.whole


def _unused(groups: list[FileGroup], panels: Iterable[Expr] | None) -> Iterator[Diagnostic]:
    """Only with dashboards: without them nobody knows who reads a record."""
    if panels is None:
        return
    used = {name for group in groups for rule in group.rules for name in _reads(rule) if name != rule.name}
    loose = False
    for expr in panels:
        for node in selectors(expr):
            name = metric_name(node)
            if name is None or "$" in name:
                loose = True  # a variable or a pattern can select any name
            else:
                used.add(name)
    if loose:
        return
    seen: set[str] = set()
    for group in groups:
        for rule in group.rules:
            if rule.kind == "record" and rule.name not in used and rule.name not in seen:
                seen.add(rule.name)
                yield Diagnostic(
                    "rules/unused", Severity.INFO, f"no rule and no dashboard reads `{rule.name}`", rule.place.fields["record"].span,
                    "remove the rule if nothing else (an API, a federation) reads it",
                )  # fmt: skip


def _duplicates(groups: list[FileGroup]) -> Iterator[Diagnostic]:
    seen: dict[tuple[object, ...], FileRule] = {}
    for group in groups:
        for rule in group.rules:
            if rule.expr is None:
                continue
            key = (rule.kind, rule.name, tuple(sorted(rule.labels.items())), print_expr(rule.expr), rule.for_ms)
            first = seen.setdefault(key, rule)
            if first is not rule:
                yield Diagnostic(
                    "rules/duplicate", Severity.WARNING, f"the same rule `{rule.name}` is there twice", rule.place.fields[rule.kind].span,
                    "remove one of them", (Note(first.place.fields[first.kind].span, "the first one"),),
                )  # fmt: skip


def _versions(groups: list[FileGroup], version: str) -> Iterator[Diagnostic]:
    gates = {"query_offset": Feature.RULE_QUERY_OFFSET, "labels": Feature.RULE_GROUP_LABELS}
    for group in groups:
        for key, feature in gates.items():
            if key in group.keys and not supported(feature, {"prometheus": version}):
                yield Diagnostic(
                    "promql/version",
                    Severity.ERROR,
                    f"Prometheus {version} refuses the file: {describe(feature)}",
                    group.keys[key],
                    "remove the key, or target a newer version",
                )
