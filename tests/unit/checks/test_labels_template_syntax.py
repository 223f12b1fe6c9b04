"""labels/template-syntax: a template that Prometheus would refuse."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.checks.world_text import check_alert, needs_promtool

CODE = "labels/template-syntax"
GOOD = [
    "{{ $value | humanizePercentage }}",
    "{{ printf `%.2f` $value }}",
    "{{ with query `up` }}{{ . | first | value }}{{ end }}",
    "{{ if and (gt $value 1.0) (not (eq $labels.queue `x`)) }}a{{ else }}b{{ end }}",
    "{{ range $i, $x := query `up` }}{{ $x.Value }}{{ end }}",
    "{{ define `t` }}x{{ end }}{{ template `t` . }}",
    "{{- /* a comment */ -}} plain",
    "{{ $labels.queue | reReplaceAll `a}}b` `c` }}",
]
BAD = [("{{ $value | humanise }}", "humanise"), ("{{ upper $labels.queue }}", "upper"), ("{{ $value | humanize", "{{")]


@pytest.mark.parametrize(("text", "caret"), BAD)
def test_found(text: str, caret: str) -> None:
    assert check_alert("queue_depth > 5", summary=f'"{text}"').marked(CODE) == caret


@pytest.mark.parametrize("text", GOOD)
def test_silent(text: str) -> None:
    assert CODE not in check_alert("queue_depth > 5", summary=f'"{text}"').codes()


def test_functions_of_later_versions_are_refused_for_earlier_ones() -> None:
    found = check_alert("queue_depth > 5", summary='"{{ now }}"')
    assert "since Prometheus 3.6" in found.one(CODE).message


@needs_promtool
@pytest.mark.parametrize(("text", "accepted"), [(t, True) for t in GOOD] + [(t, False) for t, _ in BAD])
def test_promtool_agrees(text: str, accepted: bool, tmp_path: Path) -> None:
    rule = {"alert": "Raw", "expr": "up == 0", "annotations": {"summary": text}}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
    done = subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode == 0) is accepted, done.stderr
