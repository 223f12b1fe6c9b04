"""The examples of the pages on whole rule files do what the pages say, and promtool takes the fixed ones."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

from monitoring_kit.checks.codes import codes, page
from tests.unit.lint.lint_text import lint_files

_BLOCK = re.compile(r"```rules\n(.*?)```", re.S)
CODES = [code for code in codes() if "```rules" in (page(code) or "")]
BOARD = '{"title": "t", "panels": [{"type": "timeseries", "title": "p", "targets": [{"expr": "up"}]}]}'


def files(text: str) -> str:
    """A whole file as it stands, a list of rules in a group."""
    if text.startswith("groups:"):
        return text
    return "groups:\n  - name: example\n    rules:\n" + "".join(f"      {line}\n" for line in text.splitlines())


def found(text: str) -> list[str]:
    return [d.code for d in lint_files({"rules.yml": files(text), "board.json": BOARD}).report]


@pytest.mark.parametrize("code", CODES)
def test_the_examples_of_the_page(code: str, tmp_path: Path) -> None:
    bad, fixed = _BLOCK.findall(page(code) or "")
    assert code in found(bad)
    assert code not in found(fixed)
    if which("promtool"):
        (tmp_path / "rules.yml").write_text(files(fixed))
        subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, check=True, capture_output=True)


def test_every_check_of_rules_has_examples() -> None:
    assert {"rules/duplicate", "rules/lag", "rules/unused", "promql/record-order", "alerts/long-interval"} == set(CODES)
