"""What `mkit test` found, for people and machines."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import click

from monitoring_kit.verify.rule_tests.mutants import KINDS
from monitoring_kit.verify.rule_tests.plan import RuleTests
from monitoring_kit.verify.rule_tests.routes import Route
from monitoring_kit.verify.rule_tests.runner import Outcome

_WIDTH = 30
_NAMES = 3


class Bar:
    """A progress bar on stderr: one line that moves on a terminal, one line a step where --progress asks for it elsewhere."""

    def __init__(self, wanted: bool | None) -> None:
        self.terminal = sys.stderr.isatty() and wanted is not False
        self.lines = wanted is True and not sys.stderr.isatty()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.terminal:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)

    def tick(self, text: str, done: int, total: int) -> None:
        """``done`` of ``total`` pieces of the step ``text`` are done."""
        if self.terminal:
            filled = _WIDTH * done // max(1, total)
            bar = "#" * filled + "-" * (_WIDTH - filled)
            click.echo(f"\r\x1b[K{text} [{bar}] {done}/{total}", nl=False, err=True, color=True)
        elif self.lines and done == total:
            click.echo(f"{text}: {total}", err=True)


def as_text(outcome: Outcome, *, coverage: bool) -> str:
    """The failures, the table of routes, and the sums."""
    lines = [*_failures(outcome), *_routes(outcome)]
    if coverage or outcome.results.uncovered:
        lines += _coverage(outcome)
    if outcome.score is not None:
        lines += _mutants(outcome)
    if warning := _unheard(outcome):
        lines += [warning, "  help: add `channels:` with an e-mail, Slack, PagerDuty or webhook receiver", ""]
    return "\n".join([*lines, *_sums(outcome)]) + "\n"


def _title(name: str, service: str | None) -> str:
    return f"{service}/{name}" if service else name


def _failures(outcome: Outcome) -> list[str]:
    lines: list[str] = []
    for rule in outcome.results.rules:
        problem = outcome.results.problem(rule)
        if problem:
            lines += [
                f"FAILED {_title(rule.name, rule.service)}",
                *(f"    {line}" for line in problem.splitlines()),
                "",
            ]
    for test in outcome.results.users:
        if test.problem:
            lines += [f"FAILED {test.path}", *(f"    {line}" for line in test.problem.splitlines()), ""]
    return lines


def _routes(outcome: Outcome) -> list[str]:
    routes = outcome.routes.routes
    channels = list(dict.fromkeys(c for r in routes for c in (*r.notify, *r.channels)))
    if not channels:
        return []
    width = max(len(_title(r.alert, r.service)) for r in routes)
    lines = ["Routes: x told, q told at quiet hours as well, - not told", ""]
    silenced = any(r.held_back_by for r in routes)
    heading = f"{'alert':<{width}}  {'severity':<8}  {'  '.join(channels)}"
    lines.append(f"{heading}  held back while one of these fires" if silenced else heading)
    for route in routes:
        cells = "  ".join(_cell(route, c).ljust(len(c)) for c in channels)
        row = f"{_title(route.alert, route.service):<{width}}  {route.severity:<8}  {cells}  {_held_back(route)}"
        lines.append(row.rstrip())
        lines += [f"    WRONG: {line}" for line in route.problem.splitlines()]
    return [*lines, ""]


def _held_back(route: Route) -> str:
    """The alerts that hold one back; the first few of many, the JSON has all."""
    names = route.held_back_by
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _cell(route: Route, channel: str) -> str:
    if channel not in route.channels:
        return "-"
    return "xq" if route.quiet_channels is not None and channel in route.quiet_channels else "x"


def _coverage(outcome: Outcome) -> list[str]:
    uncovered = outcome.results.uncovered
    if not uncovered:
        return ["Coverage: every alert is seen to fire.", ""]
    lines = ["Alerts that no test sees fire:"]
    lines += [f"  {_title(r.name, r.service)}: {r.problem}" for r in uncovered]
    return [*lines, ""]


def _unheard(outcome: Outcome) -> str:
    """The warning that `mkit check` has for alerts without any channel; "" where each reaches somebody."""
    unheard, routes = len(outcome.routes.unheard), len(outcome.routes.routes)
    if not unheard:
        return ""
    return f"warning[alerts/no-channel]: no channel is defined: {unheard} of {routes} alerts reach nobody"


def _mutants(outcome: Outcome) -> list[str]:
    score = outcome.score
    assert score is not None
    lines = [f"{'mutants of':<12}{'made':>7}{'caught':>8}"]
    lines += [f"{kind:<12}{score.made[kind]:>7}{score.caught[kind]:>8}" for kind in KINDS]
    if score.survivors:
        lines += ["", "Mutants that no test noticed:"]
        lines += [f"  {_title(s.rule, s.service)}: {s.change} ({s.kind})" for s in score.survivors]
    return [*lines, ""]


def _sums(outcome: Outcome) -> list[str]:
    results = outcome.results
    cases = sum(f.cases for r in results.rules for f in r.files)
    bad = sum(bool(results.problem(r)) for r in results.rules)
    lines = [
        f"{len(results.alerts)} alerts, {len(results.rules) - len(results.alerts)} recording rules: {cases} tests, {bad} rules failed; "
        f"{results.coverage:.1%} of the alerts are seen to fire"
    ]
    if results.users:
        lines.append(
            f"{len(results.users)} test files of your own, {sum(bool(u.problem) for u in results.users)} failed"
        )
    if outcome.routes.routes:
        unheard = outcome.routes.unheard
        nowhere = f", {len(unheard)} to nobody" if unheard else ""
        lines.append(
            f"{len(outcome.routes.routes)} routes, {len(outcome.routes.failed)} wrong{nowhere}; {outcome.routes.asked} label sets asked of amtool"
        )
    if outcome.score is not None:
        lines.append(f"{outcome.score.share:.1%} of {sum(outcome.score.made.values())} mutants caught")
    lines.append("tested with " + ", ".join(f"{name} {version}" for name, version in outcome.tools.items()))
    return lines


def as_json(spec: str, outcome: Outcome) -> str:
    """Everything, for machines; ``schema`` changes when a field does."""
    results, score = outcome.results, outcome.score
    tree: dict[str, Any] = {
        "schema": "mkit-test/v1",
        "spec": spec,
        "failed": outcome.failed,
        "coverage": round(results.coverage, 6),
        "rules": [_rule(outcome, r) for r in results.rules],
        "user_tests": [{"path": u.path, "problem": u.problem} for u in results.users],
        "routes": [
            {
                "alert": r.alert, "service": r.service, "severity": r.severity, "notify": list(r.notify), "channels": list(r.channels),
                "quiet_channels": None if r.quiet_channels is None else list(r.quiet_channels),
                "held_back_by": list(r.held_back_by), "problem": r.problem,
            }
            for r in outcome.routes.routes
        ],
        "reach_nobody": [_title(r.alert, r.service) for r in outcome.routes.unheard],
        "warnings": [warning] if (warning := _unheard(outcome)) else [],
        "tools": outcome.tools,
    }  # fmt: skip
    if score is not None:
        tree["mutants"] = {
            "made": score.made, "caught": score.caught, "share": round(score.share, 6),
            "survivors": [{"rule": s.rule, "service": s.service, "kind": s.kind, "change": s.change} for s in score.survivors],
        }  # fmt: skip
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _rule(outcome: Outcome, rule: RuleTests) -> dict[str, Any]:
    return {
        "name": rule.name,
        "type": "recording" if rule.alert is None else "alert",
        "service": rule.service,
        "cases": rule.kinds,
        "covered": rule.covered,
        "problem": outcome.results.problem(rule),
        "not_covered_because": rule.problem,
    }


def as_junit(spec: str, outcome: Outcome) -> str:
    """JUnit's XML: one case a rule, user file and route."""
    cases: list[tuple[str, str, str]] = []
    for rule in outcome.results.rules:
        problem = outcome.results.problem(rule) or (
            "" if rule.covered or rule.alert is None else f"no test sees it fire: {rule.problem}"
        )
        cases.append(("rules", _title(rule.name, rule.service), problem))
    cases += [("user tests", test.path, test.problem) for test in outcome.results.users]
    cases += [("routes", _title(r.alert, r.service), r.problem) for r in outcome.routes.routes]
    failures = sum(bool(problem) for _, _, problem in cases)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuite name={quoteattr(f"mkit test {spec}")} tests="{len(cases)}" failures="{failures}">')
    for suite, name, problem in cases:
        start = f"  <testcase classname={quoteattr(suite)} name={quoteattr(name)}"
        if problem:
            lines.append(f"{start}><failure>{escape(problem)}</failure></testcase>")
        else:
            lines.append(f"{start}/>")
    if warning := _unheard(outcome):
        lines.append(f"  <system-out>{escape(warning)}</system-out>")
    return "\n".join([*lines, "</testsuite>"]) + "\n"
