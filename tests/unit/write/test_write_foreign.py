"""Foreign files in folders that a server reads whole: kept, and told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.main import main
from tests.unit.lower.spec_text import tool

SPEC = """version: mkit/v1
system: shop
services:
  web: {kind: http, scrape: {targets: ["web:8080"]}}
alerts:
  HighErrorRate: {when: errors > 5%, for: 2m, severity: critical}
channels:
  mail: {kind: email, to: [a@example.com], from: m@example.com, smarthost: "smtp.example.com:587"}
"""
RULE = "groups: [{name: old, rules: [{alert: OldAlert, expr: vector(1)}]}]\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mkit.yaml").write_text(SPEC)
    assert run().exit_code == 0
    return tmp_path / "out"


def run(*more: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(main, ["generate", "mkit.yaml", "-o", "out", "--no-verify", *more])


FOREIGN = [
    ("prometheus/rules/old.yml", RULE, "Prometheus reads every *.yml in prometheus/rules"),
    ("prometheus/rules/.old.yml", RULE, "Prometheus"),
    ("grafana/dashboards/mine/old.json", "{}", "Grafana reads every *.json in grafana/dashboards"),
    ("grafana/provisioning/datasources/old.yaml", "apiVersion: 1\n", "Grafana"),
]


@pytest.mark.parametrize("more", [(), ("--check",)], ids=["generate", "check"])
@pytest.mark.parametrize(("path", "text", "says"), FOREIGN, ids=[f[0] for f in FOREIGN])
def test_a_foreign_file_that_a_server_reads_is_told_and_kept(
    tree: Path, path: str, text: str, says: str, more: tuple[str, ...]
) -> None:
    (tree / path).parent.mkdir(exist_ok=True)
    (tree / path).write_text(text)
    found = run(*more)
    # A warning: whoever means it may have it.
    assert found.exit_code == 0, found.output
    assert "warning[write/foreign-loaded]" in found.output
    assert f"{path} is none of the generated files" in found.output
    assert says in found.output
    assert f"--> out/{path}" in found.output
    assert (tree / path).read_text() == text


@pytest.mark.parametrize(
    "path", ["prometheus/rules/notes.md", "prometheus/rules/deep/old.yml", "prometheus/targets.yml", "docs/own.yml"]
)
def test_a_foreign_file_that_no_server_reads_is_nobodys_business(tree: Path, path: str) -> None:
    (tree / path).parent.mkdir(exist_ok=True)
    (tree / path).write_text(RULE)
    assert "foreign-loaded" not in run().output
    assert "foreign-loaded" not in run("--check").output


def test_ci_can_refuse_it(tree: Path) -> None:
    (tree / "prometheus/rules/old.yml").write_text(RULE)
    assert run("--check", "--fail-on", "warning").exit_code == 1


def test_an_edited_leftover_is_told_again_and_a_removed_one_is_not(tree: Path) -> None:
    text = SPEC.replace("  web: {", "  old: {kind: http, scrape: {targets: ['o:1']}}\n  web: {")
    (tree.parent / "mkit.yaml").write_text(text)
    assert run().exit_code == 0
    rules = tree / "prometheus/rules/service-old.yml"
    (tree.parent / "mkit.yaml").write_text(SPEC)
    assert "foreign-loaded" not in run("--check").output, "it is about to go"
    rules.write_text(rules.read_text() + "# mine\n")
    run()
    assert "prometheus/rules/service-old.yml is none of the generated files" in run("--check").output


@pytest.mark.parametrize("path", ["prometheus/rules/old.yml", "prometheus/rules/.old.yml"])
def test_prometheus_does_load_it(tree: Path, path: str) -> None:
    def rules() -> str:
        command = [str(tool("promtool").path), "check", "config", "prometheus.yml"]
        return subprocess.run(command, cwd=tree / "prometheus", capture_output=True, text=True, check=True).stdout

    before = rules()
    (tree / path).write_text(RULE)
    assert Path(path).name not in before
    assert Path(path).name in rules()
