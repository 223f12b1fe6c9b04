"""--fix: what is rewritten, what is left as it was, what is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.main import main
from monitoring_kit.diagnostics import Diagnostic, Fix, Report, Source, Span
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.lint import LintOptions, lint
from monitoring_kit.lint.fixing import StaleError, choose, edited, fix, write
from monitoring_kit.promql.catalog import load_catalog
from tests.unit.lint.lint_text import codes

HEAD = "# kept\r\ngroups:   # kept too\n- {name: g, rules: [{record: 'a:b', expr: sum(up)}]}\n- name: h\n  rules:\n"


def fixed(rule: str, **options: Any) -> str:
    """The rule after --fix; everything before it must be what it was."""
    text = HEAD + rule
    given = LintOptions(["r.yml"], texts={"r.yml": text}, **options)
    made = fix(lint(given).report, lambda texts: lint(replace(given, texts={**given.texts, **texts})).report)  # type: ignore[dict-item]
    after = made.texts.get("r.yml", text)
    assert after.startswith(HEAD)
    return after.removeprefix(HEAD)


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (
            "expr: histogram_quantile(0.9, sum by (job) (rate(a_seconds_bucket[5m]))) > 1",
            "expr: histogram_quantile(0.9, sum by (le, job) (rate(a_seconds_bucket[5m]))) > 1",
        ),
        ('expr: up{job=~"^a.*$"} == 0', 'expr: up{job=~"a.*"} == 0'),
        ("expr: 'up{job=~\"^it''s.*$\"} == 0'", "expr: 'up{job=~\"it''s.*\"} == 0'"),
        ('expr: "up{job=~\\"^a.*$\\"} == 0"', 'expr: "up{job=~\\"a.*\\"} == 0"'),
        ('expr: >-\n      up{job=~"a"}\n      == 0', 'expr: >-\n      up{job="a"}\n      == 0'),
        (
            'expr: |\n      # why\n      up{job=~"a"} # because\n      == 0',
            'expr: |\n      # why\n      up{job="a"} # because\n      == 0',
        ),
    ],
)
def test_every_style_of_scalar_keeps_its_form(bad: str, good: str) -> None:
    rule = "  - alert: A  # name\n    {}\n    for: 5m # x\n"
    assert fixed(rule.format(bad)) == rule.format(good)


def test_what_would_be_a_guess_is_left_to_the_author() -> None:
    rule = "  - alert: A\n    expr: histogram_quantile(95, sum by (le) (rate(a_seconds_bucket[5m]))) > 1\n"
    assert fixed(rule) == rule


def test_with_a_catalog() -> None:
    catalogs = [load_catalog("node_exporter")]
    rule = "  - alert: A\n    expr: %s\n"
    assert (
        fixed(rule % "node_cpu_seconds_total > 3", catalogs=catalogs) == rule % "rate(node_cpu_seconds_total[5m]) > 3"
    )
    window = "sum by (instance) (rate(node_cpu_seconds_total[%s])) > 3"
    assert fixed(rule % window % "15s", catalogs=catalogs, scrape_interval_ms=15_000) == rule % window % "1m"
    assert fixed(rule % window % "5m", catalogs=catalogs, scrape_interval_ms=15_000) == rule % window % "5m"


def test_an_unquoted_matcher_of_a_route() -> None:
    text = (
        "route:\n  receiver: a\n  routes:\n    - matchers: ['code=~[0-9]{3}', \"x=~[a]{2}\"]\nreceivers: [{name: a}]\n"
    )
    given = LintOptions(alertmanager="a.yml", texts={"a.yml": text})
    made = fix(lint(given).report, lambda texts: lint(replace(given, texts=texts)).report)
    assert """['code=~"[0-9]{3}"', "x=~\\"[a]{2}\\""]""" in made.texts["a.yml"]


def finding(start: int, end: int, text: str, code: str = "promql/regex") -> Diagnostic:
    return Diagnostic(
        code, Severity.INFO, f"{start}", Span("f", 1, start, 1, end), fix=Fix(Span("f", 1, start, 1, end), text)
    )


def test_overlapping_repairs_are_refused() -> None:
    report = Report()
    report.extend(
        [finding(1, 5, "a"), finding(4, 8, "b"), finding(8, 9, "c"), finding(20, 21, "x", "promql/unknown-metric")]
    )
    chosen, refused = choose(report)
    assert [d.message for d in chosen] == ["1", "8"]
    assert [d.message for d, _ in refused] == ["4"]
    assert edited(chosen, {"f": Source("f", "0123456789")}) == {"f": "a456c89"}


def test_a_repair_that_does_not_help_is_refused() -> None:
    report = Report(sources={"f": Source("f", "0123456789")})
    report.extend([finding(1, 2, "good"), finding(5, 6, "bad")])

    def again(texts: Any) -> Report:
        after = Report(sources={"f": Source("f", texts["f"])})
        after.extend([d for d in report if ("good" if d.message == "1" else "never") not in texts["f"]])
        if "bad" in texts["f"]:
            after.error("promql/syntax", "broken", Span("f"))
        return after

    made = fix(report, again)
    assert made.texts == {"f": "good123456789"}
    assert [d.message for d, _ in made.refused] == ["5"]
    assert [d.message for d in made.applied] == ["1"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_text(HEAD + '  - alert: A\n    expr: up{job=~"a"} == 0\n')
    given = LintOptions([str(path)])
    report = lint(given).report
    made = fix(report, lambda texts: lint(replace(given, texts=texts)).report)
    path.write_text("groups: []\n")
    with pytest.raises(StaleError):
        write(made, report.sources)
    assert path.read_text() == "groups: []\n"


def test_mode_mark_and_link_survive(tmp_path: Path) -> None:
    path, link = tmp_path / "r.yml", tmp_path / "link.yml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + '  - alert: A\n    expr: up{job=~"a"} == 0\n').encode())
    path.chmod(0o640)
    link.symlink_to(path)
    result = CliRunner().invoke(main, ["lint", str(link), "--fix"])
    assert result.exit_code == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + (HEAD + '  - alert: A\n    expr: up{job="a"} == 0\n').encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link.yml", "r.yml"]


def test_a_dry_run_shows_the_change_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    text = 'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up{job=~"a"} == 0\n'
    path.write_text(text)
    result = CliRunner().invoke(main, ["lint", str(path), "--fix", "--dry-run"])
    assert result.exit_code == 0
    assert '-    expr: up{job=~"a"} == 0\n+    expr: up{job="a"} == 0\n' in result.output
    assert path.read_text() == text


SPEC = """version: mkit/v1
system: shop
channels:
  mail: {kind: webhook, url: 'http://hook:1/'}  # kept
services:
  shop: {kind: http, scrape: {targets: ['a:80']}}
include: [more.yaml]
"""
MORE = """alerts:
  Raw:  # kept
    expr: 'up{job=~"^s.*$"} == 0'
    severity: warning
    for: 5m
    notify: [mail]
"""


def test_the_files_of_a_spec(tmp_path: Path) -> None:
    (tmp_path / "mkit.yaml").write_text(SPEC)
    (tmp_path / "more.yaml").write_text(MORE)
    runner = CliRunner()
    result = runner.invoke(main, ["check", str(tmp_path / "mkit.yaml"), "--fix", "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "+    expr: 'up{job=~\"s.*\"} == 0'" in result.output
    assert (tmp_path / "more.yaml").read_text() == MORE
    result = runner.invoke(main, ["check", str(tmp_path / "mkit.yaml"), "--fix"])
    assert result.exit_code == 0
    assert "promql/regex" not in result.output
    assert (tmp_path / "more.yaml").read_text() == MORE.replace("^s.*$", "s.*")
    assert (tmp_path / "mkit.yaml").read_text() == SPEC
    assert codes(lint(LintOptions([str(tmp_path / "more.yaml")]))) == ["lint/not-rules"]


def test_dry_run_alone_is_wrong_usage(tmp_path: Path) -> None:
    for verb in ("lint", "check"):
        assert CliRunner().invoke(main, [verb, "x.yaml", "--dry-run"]).exit_code == 2
