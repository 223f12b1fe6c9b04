"""Generated rule tests: they pass on the real promtool, fail on a wrong rule, and say what they could not cover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import parse
from monitoring_kit.stack.tools import find_tools
from monitoring_kit.verify.programs import run as run_program
from monitoring_kit.verify.rule_tests.engine import Engine, engine_of
from monitoring_kit.verify.rule_tests.evaluate import Evaluator
from monitoring_kit.verify.rule_tests.functions import UnsupportedError
from monitoring_kit.verify.rule_tests.gotemplate import humanize, humanize1024, humanize_duration, render
from monitoring_kit.verify.rule_tests.mutants import KINDS, mutants
from monitoring_kit.verify.rule_tests.mutation import score
from monitoring_kit.verify.rule_tests.plan import Planner, RuleTests
from monitoring_kit.verify.rule_tests.routes import quoted
from monitoring_kit.verify.rule_tests.runner import run_all
from monitoring_kit.verify.rule_tests.samples import matching
from monitoring_kit.verify.rule_tests.session import Results, execute
from monitoring_kit.verify.rule_tests.solve import simplest
from monitoring_kit.verify.rule_tests.store import STALE, InputSeries, Store
from monitoring_kit.verify.rule_tests.testfile import notation
from monitoring_kit.verify.rule_tests.user_tests import run_users

Compile = Callable[..., Compilation]
TOOLS = find_tools()
PROMTOOL = TOOLS["promtool"].path
ENGINE = engine_of(TOOLS["promtool"].release)
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason=TOOLS["promtool"].missing_reason)
SPEC = """\
version: mkit/v1
system: shop
channels: {mail: {kind: webhook, url: "http://mail:1/"}, phone: {kind: webhook, url: "http://phone:1/"}}
services:
  web: {kind: http, scrape: {targets: ["web:8080"]}, resources: {cpu: 2, memory: 1GiB}}
metrics:
  queue_length: {type: gauge, help: Jobs that wait., labels: {queue: {values: [fast, slow]}}, services: [web]}
alerting: {default: [mail], quiet_hours: {severities: [warning], except: "mon-fri 08:00-20:00"}}
alerts:
  Errors: {services: [web], when: "errors > 5%", for: 2m, severity: critical, notify: [mail, phone]}
  Slow: {services: [web], when: "latency(p95) > 2s", for: 5m, severity: warning, notify: [mail]}
  Busy: {services: [web], when: "errors > 1% and traffic > 20/s", severity: warning, notify: [mail]}
  Jobs: {expr: 'max by (queue) (queue_length{queue=~"slow|later"}) >= 40', for: 3m, severity: warning, notify: [mail], summary: "{{ $labels.queue }} holds {{ $value }}"}
"""


def quiet(text: str, done: int, total: int) -> None:
    """No progress."""


@pytest.fixture
def compiled(compile_text: Compile) -> Compilation:
    result = compile_text(SPEC)
    assert result.ok, [d.message for d in result.report.diagnostics]
    return result


def planned(result: Compilation, *names: str) -> list[RuleTests]:
    assert result.system is not None
    assert result.model is not None
    planner = Planner(result.system, result.model, engine=ENGINE)
    return [planner.alert(i) for i, rule in enumerate(planner.alerts) if not names or rule.name in names]


def judged(rules: list[RuleTests], folder: Path) -> Results:
    assert PROMTOOL is not None
    return execute(rules, PROMTOOL, folder, quiet, readable=True)


@needs_promtool
def test_every_alert_is_seen_to_fire_by_promtool(compiled: Compilation, tmp_path: Path) -> None:
    results = judged(planned(compiled), tmp_path)
    assert {r.name for r in results.alerts} >= {
        "Errors",
        "Slow",
        "Busy",
        "Jobs",
        "ServiceDown",
        "ServiceAbsent",
        "TargetDown",
    }
    assert not results.uncovered
    assert not results.failed, results.failures


@needs_promtool
@pytest.mark.parametrize("name", ["Errors", "Slow", "Jobs"])
def test_each_part_of_a_firing_case_is_there(compiled: Compilation, name: str) -> None:
    (tests,) = planned(compiled, name)
    assert {"fires", "below", "short", "no-data"} <= set(tests.kinds)


@needs_promtool
@pytest.mark.parametrize(
    ("field", "value"),
    [("expr", 'max by (queue) (queue_length{queue=~"slow|later"}) > 40'), ("for", "4m"), ("expr", "queue_length >= 40"),
     ("labels", {"severity": "info"}), ("annotations", {"summary": "x"}), ("expr", 'max by (queue) (queue_length{queue="other"}) >= 40')],
)  # fmt: skip
def test_a_wrong_rule_fails_its_tests(compiled: Compilation, tmp_path: Path, field: str, value: object) -> None:
    (tests,) = planned(compiled, "Jobs")
    (file,) = tests.files
    assert not judged([tests], tmp_path).failed
    tests.files[0] = replace(file, rules=({**file.rules[0], field: value},))
    assert "FAILED" in judged([tests], tmp_path).problem(tests)


@needs_promtool
def test_recording_rules_have_their_values(compiled: Compilation, tmp_path: Path) -> None:
    assert compiled.system is not None
    assert compiled.model is not None
    rules = [make() for make in Planner(compiled.system, compiled.model, engine=ENGINE).recordings()]
    assert len(rules) >= 5
    results = judged(rules, tmp_path)
    assert not results.failed, results.failures
    assert all(r.covered for r in rules), [(r.name, r.problem) for r in rules if not r.covered]


@needs_promtool
def test_mutants_of_every_kind_are_caught(compiled: Compilation, tmp_path: Path) -> None:
    rules = planned(compiled, "Errors", "Jobs", "ServiceAbsent")
    assert PROMTOOL is not None
    result = score(rules, PROMTOOL, tmp_path, quiet)
    assert sum(result.made.values()) >= 25
    assert result.share >= 0.95, result.survivors
    assert all(result.caught[kind] for kind in KINDS if kind != "window")


@needs_promtool
def test_an_alert_that_cannot_fire_is_named(compile_text: Compile, tmp_path: Path) -> None:
    result = compile_text(SPEC + "  Never: {expr: 'vector(0) > 1', severity: info, notify: [mail]}\n")
    (tests,) = planned(result, "Never")
    assert not tests.covered
    assert tests.problem == "it reads no series and never fires"
    assert judged([tests], tmp_path).coverage == 0


def test_what_the_evaluator_does_not_know_is_said(compile_text: Compile) -> None:
    result = compile_text(
        SPEC + "  Hour: {expr: 'queue_length > 1 and on () hour() > 3', severity: info, notify: [mail]}\n"
    )
    (tests,) = planned(result, "Hour")
    assert tests.problem == "the tests do not know the function hour"


@needs_promtool
def test_users_tests_run_on_the_generated_rules(compiled: Compilation, tmp_path: Path) -> None:
    test = """\
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{series: 'queue_length{queue="slow", service="web"}', values: 50x20}]
    alert_rule_test: [{eval_time: 10m, alertname: Jobs}]
"""
    (tmp_path / "wrong.yml").write_text(test)
    (tmp_path / "right.yml").write_text(test.replace("50x20", "5x20"))
    (tmp_path / "list.yml").write_text("- 1\n")
    work = tmp_path / "work"
    work.mkdir()
    assert PROMTOOL is not None
    paths = [tmp_path / name for name in ("wrong.yml", "right.yml", "list.yml", "none.yml")]
    wrong, right, odd, none = run_users(paths, compiled.outputs, PROMTOOL, work)
    assert "alertname: Jobs, time: 10m" in wrong.problem
    assert right.problem == ""
    assert "no promtool test file" in odd.problem
    assert "cannot read it" in none.problem


@pytest.mark.skipif(not TOOLS["amtool"].found, reason=TOOLS["amtool"].missing_reason)
@pytest.mark.parametrize("value", ["mail,phone", 'a "quoted" one', "back\\slash", "two\nlines", '"'])
def test_amtool_reads_every_value_as_it_is(tmp_path: Path, value: str) -> None:
    """Answers alone: amtool 0.27 and later also print a warning about values that are not quoted."""
    escaped = quoted(value)
    (tmp_path / "a.yml").write_text(
        "receivers: [{name: none}, {name: hit}]\n"
        f"route: {{receiver: none, routes: [{{receiver: hit, matchers: ['x={escaped}']}}]}}\n"
    )
    amtool = TOOLS["amtool"].path
    assert amtool is not None
    arguments = ["config", "routes", "test", "--config.file", "a.yml", f"x={escaped}"]
    assert run_program(amtool, arguments, tmp_path).out.strip() == "hit"


@needs_promtool
@pytest.mark.skipif(not TOOLS["amtool"].found, reason=TOOLS["amtool"].missing_reason)
def test_routes_are_proven_by_amtool_at_both_hours(compile_text: Compile) -> None:
    result = compile_text(SPEC)
    outcome = run_all(result, TOOLS, quiet, only=["Errors", "Slow", "Jobs"])
    routes = {r.alert: r for r in outcome.routes.routes}
    assert not outcome.failed
    assert outcome.routes.asked == 2
    assert routes["Errors"].channels == ("mail", "phone")
    assert routes["Errors"].quiet_channels == ("mail", "phone")
    assert routes["Slow"].channels == ("mail",)
    assert routes["Slow"].quiet_channels == ()
    # Critical alerts of its service, in Prometheus' external labels as well; never by one that is critical itself.
    assert routes["Slow"].held_back_by == ("web/ServiceDown", "web/ServiceAbsent", "web/Errors")
    assert routes["Errors"].held_back_by == ()


# Values of Prometheus' own tests (template/template_test.go).
@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (humanize, 0.0, "0"), (humanize, 1.0, "1"), (humanize, 1234567.0, "1.235M"), (humanize, 0.12, "120m"),
        (humanize1024, 1048576.0, "1Mi"), (humanize1024, 0.12, "0.12"),
        (humanize_duration, 0.0, "0s"), (humanize_duration, 60.0, "1m 0s"), (humanize_duration, 3600.0, "1h 0m 0s"),
        (humanize_duration, 86400.0, "1d 0h 0m 0s"), (humanize_duration, -86401.0, "-1d 0h 0m 1s"), (humanize_duration, 0.1, "100ms"),
        (humanize_duration, 899.99, "14m 59s"), (humanize_duration, 0.0001, "100us"),
    ],
)  # fmt: skip
def test_formatting_functions(function: Callable[[float], str], value: float, text: str) -> None:
    assert function(value) == text


def test_templates() -> None:
    assert render("{{ $labels.a }} is {{ $value | humanizePercentage }}", {"a": "x"}, 0.1234567) == "x is 12.35%"
    assert render('{{ printf "%.1f" $value }}', {}, 2.25) == "2.2"
    assert render("{{ .Labels.none }}!", {}, 1) == "!"
    with pytest.raises(UnsupportedError):
        render("{{ range query `up` }}{{ end }}", {}, 1)


@pytest.mark.parametrize(
    ("values", "text"),
    [([1.0, 1.0, 1.0], "1+0x2"), ([0.0, 60.0, 120.0], "0+60x2"), ([None, None, 2.0], "_x2 2"), ([1.0, STALE, None], "1 stale _x1"),
     ([0.1, 0.2], "0.1 0.2")],
)  # fmt: skip
def test_promtools_notation(values: list[float | str | None], text: str) -> None:
    assert notation(values) == text


def test_rate_counts_over_a_reset() -> None:
    store = Store(60_000, [InputSeries("c", {}, [0.0, 60.0, 120.0, 60.0, 120.0, 180.0])])
    assert Evaluator(store).vector(parse("rate(c[5m])"), 300_000) == [({}, pytest.approx(1.0))]


def test_range_ends_differ_between_two_and_three() -> None:
    series = [InputSeries("g", {}, [1.0] * 6)]
    expr = parse("count_over_time(g[5m])")
    assert Evaluator(Store(60_000, series)).vector(expr, 300_000)[0][1] == 6
    assert Evaluator(Store(60_000, series, Engine(left_open=True))).vector(expr, 300_000)[0][1] == 5


def test_small_helpers() -> None:
    assert matching("5..") == ["500"]
    assert matching("a|b") == ["a", "b"]
    assert simplest(0.0499, 0.0501) == 0.05
    assert simplest(4.5e8, 4.6e8) == 4.6e8
    rule = {"alert": "A", "expr": 'rate(x{job="a"}[5m]) > 1', "for": "5m", "labels": {"severity": "info"}}
    assert {m.kind for m in mutants(rule)} == set(KINDS)
