"""The examples of docs/lint.md are run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitoring_kit.checks.codes import page
from monitoring_kit.cli.main import main
from monitoring_kit.lint.run import lint_codes
from monitoring_kit.promql.catalog import shipped_catalogs

TEXT = (Path(__file__).parents[3] / "docs/lint.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.S)
COMMANDS = [text.strip() for language, text in BLOCKS if language == "sh"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for language, text in BLOCKS:
        name = re.match(r"# (\S+)\n", text)
        if language == "yaml" and name:
            (tmp_path / name[1]).write_text(text.partition("\n")[2])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str) -> Result:
    return CliRunner().invoke(main, shlex.split(command)[1:])


def test_the_output_shown_is_the_output(folder: Path) -> None:
    result = run(COMMANDS[0])
    shown = next(text for language, text in BLOCKS if language == "text")
    assert [line for line in result.output.splitlines() if re.match(r"\w+\[| +-->", line)] == shown.splitlines()
    assert result.exit_code == 1


def test_with_a_catalog_and_a_repair(folder: Path) -> None:
    assert "promql/raw-counter" in run(COMMANDS[1]).output
    result = run(COMMANDS[2])
    assert "+        expr: rate(node_cpu_seconds_total[5m]) > 0.9\n" in result.output
    assert run("mkit lint node.yml").output == "1 alert, 0 recording rules, 0 panel queries: no findings\n"


def test_the_disabled_rule_is_silent(folder: Path) -> None:
    assert "no findings" in run("mkit lint quiet.yml").output


def test_every_name_in_the_text_exists() -> None:
    for code in re.findall(r"`((?:routes|promql|labels|alerts|rules)/[a-z-]+)`", TEXT):
        assert code in lint_codes()
    for name in shipped_catalogs():
        assert f"`{name}`" in TEXT
    for option in re.findall(r"(--[a-z][a-z-]+)", TEXT):
        assert option in run("mkit lint --help").output + run("mkit catalog diff --help").output


def test_every_code_has_a_page() -> None:
    for code in lint_codes() | {
        "lint/structure",
        "lint/documents",
        "lint/not-rules",
        "lint/nothing",
        "lint/not-dashboard",
        "json/syntax",
        "checks/comment",
    }:
        assert page(code) is not None, code
