"""Many alerts' tests in one: starting a test costs promtool more than judging it.

Each test of promtool opens a database of its own, which takes longer than the few dozen samples of an alert. The tests of
alerts that cannot see each other's series (each reads those of another service alone) are therefore run side by side in one
test: all inputs, all rules, all expectations, each alert's own. What a test demands of its alert stays what it is. A bundle
that fails is taken apart, and each alert of it judged on its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from monitoring_kit.conventions import SERVICE
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import walk
from monitoring_kit.verify.rule_tests.testfile import TestFile, milliseconds_of

JOB = "job"
# Beyond this a bundle gains nothing, and the last one keeps a single core busy.
MOST = 64
Scope = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A test file that does the work of its ``members``."""

    file: TestFile
    members: tuple[TestFile, ...]


def scope_of(
    exprs: Sequence[ast.Expr], series: Sequence[Mapping[str, str]], recorded: Sequence[Mapping[str, str]], scope: Scope
) -> Scope | None:
    """``scope`` (a service and its job) when rules of these expressions see its series alone and these ``series``, and what rules
    with the labels ``recorded`` record of them, are seen within it alone; else None."""
    service, job = scope
    labels_are_its_own = all(one.get(SERVICE) == service and one.get(JOB, job) == job for one in series)
    labels_are_its_own &= all(one.get(SERVICE, service) == service and one.get(JOB, job) == job for one in recorded)
    if not labels_are_its_own:
        return None
    for node in (n for expr in exprs for n in walk(expr)):
        if isinstance(node, ast.VectorSelector) and not _narrowed(node, service, job):
            return None
        if isinstance(node, ast.Call) and node.func in ("label_replace", "label_join") and _writes_scope(node):
            return None
    return scope


def _narrowed(selector: ast.VectorSelector, service: str, job: str) -> bool:
    wanted = {(SERVICE, service), (JOB, job)}
    return any(m.op == "=" and (m.name, m.value) in wanted for m in selector.matchers)


def _writes_scope(call: ast.Call) -> bool:
    target = call.args[1]
    return not isinstance(target, ast.String) or target.value in (SERVICE, JOB)


@dataclass(slots=True)
class _Open:
    """A bundle that still takes members."""

    members: list[TestFile] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    marks: dict[str, object] = field(default_factory=dict)

    def takes(self, file: TestFile, marks: object, most: int) -> bool:
        """promtool wants all alerts of a name at each moment that is asked about: alerts that share their name share the moments."""
        assert file.scope is not None
        return (
            len(self.members) < most
            and not self.scopes.intersection(file.scope)
            and self.marks.get(file.alert, marks) == marks
        )

    def add(self, file: TestFile, marks: object) -> None:
        assert file.scope is not None
        self.members.append(file)
        self.scopes.update(file.scope)
        self.marks[file.alert] = marks


def bundles(files: Sequence[TestFile]) -> list[Bundle]:
    """All ``files``, those that may run side by side in one."""
    most = max(4, min(MOST, len(files) // (4 * (os.cpu_count() or 1))))
    alike: dict[object, list[_Open]] = {}
    result: list[Bundle] = []
    for file in files:
        if file.scope is None:
            result.append(Bundle(file, (file,)))
            continue
        marks = _marks(file)
        # One that is long would have all others evaluated for as long.
        ways = alike.setdefault((file.tree["evaluation_interval"], _length(file).bit_length()), [])
        fitting = next((one for one in ways if one.takes(file, marks, most)), None)
        if fitting is None:
            ways.append(fitting := _Open())
        fitting.add(file, marks)
    closed = [tuple(one.members) for ways in alike.values() for one in ways]
    return result + [_bundle(members, number) for number, members in enumerate(closed)]


def _marks(file: TestFile) -> object:
    return tuple(tuple(check["eval_time"] for check in test["alert_rule_test"]) for test in file.tree["tests"])


def _length(file: TestFile) -> int:
    times = [milliseconds_of(c["eval_time"]) for test in file.tree["tests"] for c in test["alert_rule_test"]]
    return max(times, default=0) // milliseconds_of(file.tree["evaluation_interval"])


def _bundle(members: tuple[TestFile, ...], number: int) -> Bundle:
    if len(members) == 1:
        return Bundle(members[0], members)
    name = f"bundle-{number:05d}"
    tree = {
        "rule_files": [f"{name}.rules.yml"],
        "evaluation_interval": members[0].tree["evaluation_interval"],
        "tests": [_side_by_side(tests) for tests in zip_longest(*(m.tree["tests"] for m in members))],
    }
    rules = tuple(rule for member in members for rule in member.rules)
    return Bundle(replace(members[0], name=name, rules=rules, tree=tree), members)


def _side_by_side(tests: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    there = [test for test in tests if test is not None]
    return {
        "name": there[0]["name"],
        "interval": there[0]["interval"],
        "input_series": [series for test in there for series in test["input_series"]],
        "alert_rule_test": list(_joined(there)),
    }


def _joined(tests: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    wanted: dict[tuple[str, str], list[Any]] = {}
    for test in tests:
        for check in test["alert_rule_test"]:
            wanted.setdefault((check["eval_time"], check["alertname"]), []).extend(check.get("exp_alerts", ()))
    for (time, alert), alerts in wanted.items():
        yield {"eval_time": time, "alertname": alert, **({"exp_alerts": alerts} if alerts else {})}
