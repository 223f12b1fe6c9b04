"""The verbs doctor, tools and catalog as a user calls them."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli import catalog, doctor
from monitoring_kit.cli import tools as tools_cli
from monitoring_kit.promql.catalog import load_catalog
from monitoring_kit.stack.lab import Lab, free_port
from monitoring_kit.stack.tools import OPTIONAL, REQUIRED, ensure_tools, env_name

SERVER = (
    "import sys, time; from prometheus_client import Counter, start_http_server;"
    "Counter('shop_orders', 'Orders.', ['paid']).labels('yes').inc();"
    "start_http_server(int(sys.argv[1]), '127.0.0.1'); time.sleep(600)"
)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*REQUIRED, *OPTIONAL):
        monkeypatch.delenv(env_name(name), raising=False)
    monkeypatch.delenv("MKIT_SUITE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MKIT_TOOLS_DIR", str(tmp_path / "tools"))
    return tmp_path


def test_doctor_names_what_is_missing_and_the_fix(bare: Path) -> None:
    result = CliRunner().invoke(doctor.command)
    assert result.exit_code == 1
    for name in REQUIRED:
        assert f"missing  {name}" in result.output
    assert "run `mkit tools fetch`" in result.output
    assert "optional grafana-server" in result.output


def test_doctor_shows_versions_and_places_of_the_real_tools() -> None:
    tools = ensure_tools()
    result = CliRunner().invoke(doctor.command, ["--format", "json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert answer["ok"] is True
    rows = {row["name"]: row for row in answer["tools"]}
    for name in REQUIRED:
        assert rows[name]["version"] == tools[name].version
        assert rows[name]["path"] == str(tools[name].path)
        assert rows[name]["problem"] == ""
    lacks = [name for name in ("consul", "kubernetes", "http") if not tools["promtool"].supports_sd(name)]
    assert [name for name in answer["promtool_lacks_discovery"] if name in ("consul", "kubernetes", "http")] == lacks
    text = CliRunner().invoke(doctor.command).output
    assert f"ok       promtool         {tools['promtool'].version}" in text


def test_doctor_tells_a_program_that_does_not_run(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = bare / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    monkeypatch.setenv("MKIT_PROMTOOL", str(broken))
    result = CliRunner().invoke(doctor.command, ["--format", "json"])
    assert result.exit_code == 1
    (row,) = (row for row in json.loads(result.output)["tools"] if row["name"] == "promtool")
    assert "does not say its version" in row["problem"]


@pytest.mark.parametrize("verb", [(doctor.command, []), (tools_cli.command, ["fetch"])])
def test_an_unknown_suite_is_a_usage_error(verb: tuple[object, list[str]]) -> None:
    command, arguments = verb
    result = CliRunner().invoke(command, [*arguments, "--suite", "potato"])  # type: ignore[arg-type]
    assert result.exit_code == 2
    assert "unknown suite 'potato'" in result.output


def test_fetch_without_apt_fails_with_the_reasons(bare: Path) -> None:
    result = CliRunner().invoke(tools_cli.command, ["fetch", "--suite", "trixie"])
    assert result.exit_code == 1
    assert "apt-get and dpkg are not on this machine" in result.output


def test_fetch_does_nothing_when_all_is_there(bare: Path) -> None:
    for name in REQUIRED:
        (bare / name).write_text("#!/bin/sh\necho version 1.2.3\n", encoding="utf-8")
        (bare / name).chmod(0o755)
    # No apt-get on this PATH: a fetch would fail.
    result = CliRunner().invoke(tools_cli.command, ["fetch"])
    assert result.exit_code == 0
    assert result.output.startswith("this machine: prometheus 1.2.3 (on PATH), promtool 1.2.3 (on PATH)")
    assert CliRunner().invoke(tools_cli.command, ["fetch", "--suite", "sid", "--refresh"]).exit_code == 1


def test_capture_from_a_live_server_and_from_a_file_agree(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    runner = CliRunner()
    with Lab() as lab:
        lab.start("shop", [sys.executable, "-c", SERVER, str(port)], url)
        written = runner.invoke(
            catalog.command,
            [
                "capture",
                url,
                "-o",
                str(tmp_path / "a.yaml"),
                "--exporter",
                "shop",
                "--version",
                "1.2",
                "--closed",
                "paid",
            ],
        )
        assert written.exit_code == 0, written.output
    found = load_catalog(tmp_path / "a.yaml")
    assert (found.exporter, found.version) == ("shop", "1.2")
    assert found.metrics["shop_orders_total"].values == {"paid": ("yes",)}
    (tmp_path / "m.txt").write_text(
        '# HELP shop_orders_total Orders.\n# TYPE shop_orders_total counter\nshop_orders_total{paid="yes"} 1\n'
    )
    printed = runner.invoke(catalog.command, ["capture", str(tmp_path / "m.txt"), "--closed", "shop_*:paid"])
    assert printed.exit_code == 0
    (tmp_path / "b.yaml").write_text(printed.output, encoding="utf-8")
    assert load_catalog(tmp_path / "b.yaml").metrics["shop_orders_total"] == found.metrics["shop_orders_total"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give a URL or a file, or --prometheus URL"),
        (["a", "--prometheus", "b"], 2, "give a URL or a file, or --prometheus URL"),
        (["/nonexistent"], 1, "error: /nonexistent: No such file or directory"),
        (["http://127.0.0.1:9/metrics"], 1, "Connection refused"),
        (["--prometheus", "http://127.0.0.1:9"], 1, "Connection refused"),
        (["--prometheus", "http://bob:hunter2@127.0.0.1:9"], 1, "credentials in a URL are refused"),
        (["a", "--timeout", "0"], 2, "0.0 is not in the range"),
    ],
)
def test_a_source_that_cannot_be_read_is_told(arguments: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(catalog.command, ["capture", *arguments])
    assert result.exit_code == code
    assert message in result.output
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("<html>", [], "line 1: not a sample"),
        ("", [], "no metrics found"),
        ("a 1\nb 1\n", ["--max-metrics", "1"], "2 metrics; at most 1"),
    ],
)
def test_a_source_that_is_no_exposition_is_told(tmp_path: Path, text: str, arguments: list[str], message: str) -> None:
    (tmp_path / "m").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(catalog.command, ["capture", str(tmp_path / "m"), *arguments])
    assert result.exit_code == 1
    assert message in result.output


def catalogs(folder: Path) -> tuple[str, str]:
    runner = CliRunner()
    for name, text in (("old", '# TYPE a gauge\na{x="1"} 1\nb 1\n'), ("new", "# TYPE a gauge\na 1\nc 1\n")):
        (folder / name).write_text(text, encoding="utf-8")
        assert (
            runner.invoke(
                catalog.command, ["capture", str(folder / name), "-o", str(folder / f"{name}.yaml")]
            ).exit_code
            == 0
        )
    return str(folder / "old.yaml"), str(folder / "new.yaml")


def test_diff_names_what_is_lost_and_which_rules_and_panels_break(tmp_path: Path) -> None:
    old, new = catalogs(tmp_path)
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: g, rules: [{alert: Lost, expr: b > 1}, {alert: Fine, expr: a > 1}, {alert: Odd, expr: 'a >'}]}]"
    )
    board = tmp_path / "board.json"
    board.write_text('{"panels": [{"title": "By x", "targets": [{"expr": "sum by (x) (a{host=~\\"$host\\"})"}]}]}')
    arguments = ["diff", old, new, "--rules", str(rules), "--dashboards", str(board)]
    result = CliRunner().invoke(catalog.command, arguments)
    assert result.exit_code == 1
    assert "- b is gone" in result.output
    assert "- a lost the label x" in result.output
    assert "+ c is new (unknown)" in result.output
    assert f"breaks {rules}: g/Lost" in result.output
    assert f"breaks {board}: By x" in result.output
    assert "g/Fine" not in result.output
    assert f"not checked: {rules}: g/Odd" in result.output
    assert "2 lost, 1 other changes, 2 rules or panels broken" in result.output
    answer = json.loads(CliRunner().invoke(catalog.command, [*arguments, "--format", "json"]).output)
    assert answer["breaking"] is True
    assert [use["where"] for use in answer["broken"]] == ["g/Lost", "By x"]
    assert len(answer["unread"]) == 1


def test_diff_of_shipped_catalogs_by_name_without_a_loss_is_fine() -> None:
    result = CliRunner().invoke(catalog.command, ["diff", "prometheus", "prometheus"])
    assert (result.exit_code, result.output) == (0, "0 lost, 0 other changes, 0 rules or panels broken\n")


def test_diff_of_a_missing_catalog_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(catalog.command, ["diff", str(tmp_path / "none"), "prometheus"])
    assert result.exit_code == 1
    assert "No such file or directory" in result.output
