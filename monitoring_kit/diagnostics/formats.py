"""Findings for machines: JSON, SARIF 2.1.0 and GitHub's workflow commands.

None of them carries a source line, so that a secret in the spec cannot leak through a report.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from monitoring_kit import __version__
from monitoring_kit.diagnostics.diagnostic import Diagnostic, Note, Report, Severity
from monitoring_kit.diagnostics.span import Span

FORMATS = ("text", "json", "sarif", "github")

# OASIS SARIF 2.1.0, 3.27.10 (result.level).
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def findings(report: Report, min_severity: Severity = Severity.INFO) -> list[dict[str, Any]]:
    """The findings as plain data, ordered by place."""
    return [_plain(d) for d in report if d.severity >= min_severity]


def as_json(report: Report, min_severity: Severity = Severity.INFO, more: dict[str, Any] | None = None) -> str:
    """``{"version": 1, "findings": [...], "counts": {...}}`` plus ``more``."""
    counts = {s.word: report.count(s) for s in (Severity.ERROR, Severity.WARNING, Severity.INFO)}
    body = {"version": 1, "findings": findings(report, min_severity), "counts": counts, **(more or {})}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def as_sarif(
    report: Report, min_severity: Severity = Severity.INFO, about: Callable[[str], str | None] | None = None
) -> str:
    """A SARIF log with one run. ``about`` gives the first sentence of a code's page, for the rule's description."""
    shown = [d for d in report if d.severity >= min_severity]
    codes = sorted({d.code for d in shown})
    rules = [_rule(code, about) for code in codes]
    run = {
        "tool": {"driver": {"name": "mkit", "version": __version__, "semanticVersion": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, codes.index(d.code)) for d in shown],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def as_github(report: Report, min_severity: Severity = Severity.INFO) -> str:
    """One workflow command a finding, which GitHub shows beside the line of the pull request."""
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
    lines = []
    for d in report:
        if d.severity < min_severity:
            continue
        fields = {"file": d.span.file, "line": d.span.line, "endLine": d.span.end_line}
        if d.span.line == d.span.end_line:
            # GitHub rejects columns on an annotation of several lines.
            fields |= {"col": d.span.column, "endColumn": max(d.span.end_column - 1, d.span.column)}
        fields["title"] = d.code
        text = d.message + (f"\nhelp: {d.help}" if d.help else "")
        properties = ",".join(f"{k}={_escape(str(v), ':,')}" for k, v in fields.items())
        lines.append(f"::{words[d.severity]} {properties}::{_escape(text)}\n")
    return "".join(lines)


def _escape(text: str, more: str = "") -> str:
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def _span(span: Span) -> dict[str, Any]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _plain(d: Diagnostic) -> dict[str, Any]:
    body: dict[str, Any] = {"code": d.code, "severity": d.severity.word, "message": d.message, **_span(d.span)}
    if d.help:
        body["help"] = d.help
    if d.notes:
        body["notes"] = [{"text": n.text, **_span(n.span)} for n in d.notes]
    if d.fix and not d.secret:
        body["fix"] = {"text": d.fix.text, **_span(d.fix.span)}
    return body


def _rule(code: str, about: Callable[[str], str | None] | None) -> dict[str, Any]:
    text = about(code) if about else None
    rule: dict[str, Any] = {"id": code, "help": {"text": f"Run `mkit explain {code}`."}}
    if text:
        rule["shortDescription"] = {"text": text}
    return rule


def _result(d: Diagnostic, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": index,
        "level": _LEVELS[d.severity],
        "message": {"text": d.message + (f"\nhelp: {d.help}" if d.help else "")},
        "locations": [_location(d.span)],
    }
    if d.notes:
        result["relatedLocations"] = [_related(note, number) for number, note in enumerate(d.notes)]
    if d.fix and not d.secret:
        replacement = {"deletedRegion": _region(d.fix.span), "insertedContent": {"text": d.fix.text}}
        change = {"artifactLocation": {"uri": _uri(d.fix.span.file)}, "replacements": [replacement]}
        result["fixes"] = [{"artifactChanges": [change]}]
    return result


def _related(note: Note, number: int) -> dict[str, Any]:
    return {"id": number, "message": {"text": note.text}, **_location(note.span)}


def _location(span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.file)}, "region": _region(span)}}


def _region(span: Span) -> dict[str, int]:
    return {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
