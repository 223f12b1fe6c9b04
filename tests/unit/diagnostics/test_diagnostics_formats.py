from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from monitoring_kit.cli.main import main
from monitoring_kit.diagnostics import Fix, Note, Report, Severity, Source, Span
from monitoring_kit.diagnostics.formats import as_github, as_json, as_sarif


@pytest.fixture
def report() -> Report:
    report = Report(sources={"a b.yaml": Source("a b.yaml", "password: hunter2\n")})
    report.error(
        "secrets/inline",
        "would put a secret",
        Span("a b.yaml", 1, 1, 1, 9),
        secret=True,
        fix=Fix(Span("a b.yaml"), "hunter2"),
    )
    report.warning(
        "spec/unknown-key", "unknown: 100 %, yes\nno", Span("/x/é.yaml", 3, 5, 4, 2), help="did you mean `a`?",
        notes=(Note(Span("a b.yaml", 2, 1, 2, 3), "here"),), fix=Fix(Span("/x/é.yaml", 3, 5, 3, 9), "a"),
    )  # fmt: skip
    report.info("style/x", "worth knowing", Span("z.yaml"))
    return report


def test_json_has_every_finding_and_no_secret(report: Report) -> None:
    text = as_json(report, more={"written": 3})
    body = json.loads(text)
    assert "hunter2" not in text
    assert body["counts"] == {"error": 1, "warning": 1, "info": 1}
    assert body["written"] == 3
    first = body["findings"][0]
    assert (first["code"], first["line"], first["end_column"], first["notes"][0]["line"], first["fix"]["text"]) == (
        "spec/unknown-key", 3, 2, 2, "a",
    )  # fmt: skip
    assert [f["severity"] for f in json.loads(as_json(report, Severity.WARNING))["findings"]] == ["warning", "error"]


SCHEMA = json.loads((Path(__file__).parents[2] / "data/sarif-schema-2.1.0.json").read_text())


def invalid(text: str) -> list[str]:
    """What OASIS's schema has against a log."""
    validator = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(text))]


def test_sarif_is_valid_by_the_schema_of_oasis(report: Report) -> None:
    assert SCHEMA["$id"].endswith("oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json")
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert invalid(as_sarif(Report())) == []
    assert invalid(as_sarif(report, Severity.WARNING)) == []
    text = as_sarif(report, about=lambda code: f"About {code}.")
    assert "hunter2" not in text
    assert invalid(text) == []
    (run,) = json.loads(text)["runs"]
    assert [r["ruleId"] for r in run["results"]] == ["spec/unknown-key", "secrets/inline", "style/x"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 5, "endLine": 4, "endColumn": 2}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"2.1.0"', '"2.2.0"'),
        ('"level": "note"', '"level": "info"'),
        ('"startLine": 3', '"startLine": 0'),
        ('"startLine": 3', '"startLine": "3"'),
        ('"columnKind": "unicodeCodePoints"', '"columnKind": "bytes"'),
        ('"ruleIndex"', '"rule"'),
        ('"uri": "z.yaml"', '"uri": 1'),
    ],
)
def test_the_schema_notices(report: Report, old: str, new: str) -> None:
    text = as_sarif(report)
    assert old in text
    assert invalid(text.replace(old, new)) != []


@pytest.mark.parametrize(
    "arguments",
    [
        ["lint", "rules.yml", "--alertmanager", "alertmanager.yml", "--dashboards", "boards", "--catalog", "node_exporter"],
        ["lint", "rules.yml", "--format", "sarif", "--min-severity", "error"],
        ["check", "mkit.yaml"],
        ["check", "broken.yaml"],
    ],
)  # fmt: skip
def test_sarif_of_the_commands_is_valid(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yml").write_text(
        "groups:\n  - name: g\n    rules:\n      - alert: Busy\n        expr: sum by (x) (node_cpu_seconds_total{mode=~'^idle$'}) > 0.9 and up{\n"
        "      - alert: Röte\n        expr: |\n          histogram_quantile(0.9,\n            sum by (job) (rate(x_bucket[5m]))) > 1\n"
        "        annotations: {summary: '{{ $labels.instance }}'}\n      - alert: Two\n        expr: node_cpu_seconds_total{mode=~'idle'} > 1\n"
    )
    (tmp_path / "alertmanager.yml").write_text(
        "route:\n  receiver: a\n  group_by: [nope]\n  routes: [{matchers: ['code=~[0-9]{3}'], continue: true}]\nreceivers: [{name: a}, {name: b}]\n"
    )
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards/a b.json").write_text(
        '{"title": "t", "panels": [{"type": "timeseries", "title": "p", "targets": [{"expr": "rate(node_load1[5m])"}]}]}'
    )
    (tmp_path / "mkit.yaml").write_text("version: mkit/v1\nsystem: s\nservices: {a: {kind: htp}}\n")
    (tmp_path / "broken.yaml").write_text("a: [\n")
    done = CliRunner().invoke(main, [*arguments, "--format", "sarif"])
    assert done.exit_code == 1, done.output
    assert json.loads(done.stdout)["runs"][0]["results"]
    assert invalid(done.stdout) == []


def test_sarif_follows_the_standard(report: Report) -> None:
    """OASIS SARIF 2.1.0: the properties required by 3.13.2, 3.14.6, 3.19.2, 3.27.11, 3.11 and 3.57, and URIs by RFC 3986."""
    log = json.loads(as_sarif(report))
    assert log["version"] == "2.1.0"
    assert set(log) == {"$schema", "version", "runs"}
    run = log["runs"][0]
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    assert run["tool"]["driver"]["name"] == "mkit"
    assert [r["level"] for r in run["results"]] == ["warning", "error", "note"]
    uris = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]]
    assert uris == ["file:///x/%C3%A9.yaml", "a%20b.yaml", "z.yaml"]
    assert run["results"][0]["relatedLocations"][0]["message"]["text"] == "here"
    (change,) = run["results"][0]["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"] == {"text": "a"}
    assert "fixes" not in run["results"][1]


def test_github_commands_are_escaped(report: Report) -> None:
    lines = as_github(report).splitlines()
    assert lines[0] == (
        "::warning file=/x/é.yaml,line=3,endLine=4,title=spec/unknown-key::unknown: 100 %25, yes%0Ano%0Ahelp: did you mean `a`?"
    )
    assert lines[1].startswith("::error file=a b.yaml,line=1,endLine=1,col=1,endColumn=8,title=secrets/inline::")
    assert lines[2].startswith("::notice ")
    odd = Report()
    odd.error("a/b", "m", Span("a:b,c%.yaml"))
    assert "file=a%3Ab%2Cc%25.yaml," in as_github(odd)
