"""What can be wrong between the rules of files: one module a check, and the keys that a version does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.lint import rules_duplicate, rules_lag, rules_unused
from monitoring_kit.lint.rule_files import FileGroup
from monitoring_kit.promql import Expr
from monitoring_kit.targets import Feature, describe, supported

CODES = (rules_lag.CODE, rules_unused.CODE, rules_duplicate.CODE, "promql/version")


def check_rules(groups: list[FileGroup], panels: Iterable[Expr] | None, version: str | None) -> Iterator[Diagnostic]:
    """All findings between rules. ``panels`` are the expressions of dashboards, None when none were given."""
    yield from rules_lag.run(groups)
    yield from rules_unused.run(groups, panels)
    yield from rules_duplicate.run(groups)
    if version is not None:
        yield from _versions(groups, version)


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
