from __future__ import annotations

import json

import pytest

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


def test_sarif_is_read_by_an_independent_reader(report: Report) -> None:
    sarif = pytest.importorskip("sarif_pydantic")
    text = as_sarif(report, about=lambda code: f"About {code}." if code == "style/x" else None)
    assert "hunter2" not in text
    log = sarif.Sarif.model_validate_json(text)
    (run,) = log.runs
    assert [r.rule_id for r in run.results] == ["spec/unknown-key", "secrets/inline", "style/x"]
    for result in run.results:
        assert run.tool.driver.rules[result.rule_index].id == result.rule_id
    region = run.results[0].locations[0].physical_location.region
    assert (region.start_line, region.start_column, region.end_line, region.end_column) == (3, 5, 4, 2)


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
