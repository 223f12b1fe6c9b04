"""The proof, on the real promtool and amtool."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring_kit.diagnostics import InternalError, Report, Severity, Span
from monitoring_kit.emit import Output, emit
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.stack.tools import Tool, find_tools
from monitoring_kit.verify import SecondCompilation, verify
from monitoring_kit.verify.programs import private_copy

SYSTEM: Any = SimpleNamespace(path="mkit.yaml", sha256="ab" * 32)
TOOLS = find_tools()
needs_tools = pytest.mark.skipif(
    not (TOOLS["promtool"].found and TOOLS["amtool"].found), reason="promtool and amtool are not here: run `make tools`"
)


def at(line: int) -> Span:
    return Span("mkit.yaml", line, 5, line, 9)


def rule(line: int, **keys: Any) -> Branch:
    return Branch(at(line), {"alert": "Down", "expr": "up == 0", **keys})


def rules(*made: Branch, path: str = "prometheus/rules/a.yml") -> OutFile:
    return OutFile(path, "yaml", Branch(groups=[Branch(at(1), name="a", rules=list(made))]))


def config(**keys: Any) -> OutFile:
    job = Branch(at(20), job_name="web", static_configs=[{"targets": ["localhost:1"]}], **keys)
    return OutFile("prometheus/prometheus.yml", "yaml", Branch(rule_files=["rules/*.yml"], scrape_configs=[job]))


def alertmanager(**keys: Any) -> OutFile:
    receiver = Branch(at(30), name="ops", webhook_configs=[Branch(at(31), url="http://localhost:1/")], **keys)
    return OutFile("alertmanager/alertmanager.yml", "yaml", Branch(route={"receiver": "ops"}, receivers=[receiver]))


def proven(*files: OutFile, meant: int = 1, tools: Any = None) -> tuple[Report, Any]:
    report = Report()
    return report, verify(emit(files, SYSTEM), meant, report, "mkit.yaml", tools)


@needs_tools
def test_good_files_pass_and_the_versions_are_told() -> None:
    report, proof = proven(rules(rule(3)), config(), alertmanager())
    assert list(report) == []
    assert set(proof.tools) == {"promtool", "amtool"}
    assert proof.tools["promtool"] == TOOLS["promtool"].version
    assert proof.skipped == ()


@needs_tools
@pytest.mark.parametrize(
    ("bad", "line", "word"),
    [
        ({"expr": "up ==== 0"}, 4, "parse error"),
        ({"annotations": {"a": "{{ foo }}"}}, 4, "foo"),
        ({"for": "5 minutes"}, 1, "5 minutes"),
    ],
)
def test_what_promtool_rejects_is_told_at_the_line_of_the_spec(bad: dict[str, Any], line: int, word: str) -> None:
    report, _ = proven(rules(rule(3), rule(4, alert="Bad", **bad)), config(), meant=2)
    (found,) = report
    assert (found.code, found.severity) == ("verify/promtool", Severity.ERROR)
    assert word in found.message
    assert "bug in mkit" in found.help
    if line == 4:  # a structural error has no line: the file must do
        assert found.span == at(4)
    else:
        assert found.span.file == "prometheus/rules/a.yml"


@needs_tools
def test_an_unknown_key_of_the_configuration_is_told_at_its_job() -> None:
    report, _ = proven(rules(rule(3)), config(scrape_intervall="5s"))
    (found,) = report
    assert found.span == at(20)
    assert "scrape_intervall" in found.message


@needs_tools
def test_what_amtool_rejects_is_told() -> None:
    report, _ = proven(alertmanager(slack_config=[]), meant=0)
    (found,) = report
    assert found.code == "verify/amtool"
    assert "slack_config" in found.message
    assert found.span == at(30)


@needs_tools
def test_secret_files_need_not_exist_here() -> None:
    gone = {"username": "x", "password_file": "/nowhere/secret"}
    slack = [
        Branch(api_url_file="/nowhere/slack", channel="#x", http_config={"tls_config": {"ca_file": "/nowhere/ca"}})
    ]
    report, _ = proven(
        rules(rule(3)),
        config(basic_auth=gone, tls_config={"ca_file": "/nowhere/ca"}),
        alertmanager(slack_configs=slack),
    )
    assert list(report) == []


@needs_tools
def test_a_service_discovery_that_this_promtool_lacks_is_a_notice() -> None:
    assert TOOLS["promtool"].path
    if TOOLS["promtool"].supports_sd("consul"):
        pytest.skip(f"promtool {TOOLS['promtool'].version} has every service discovery")
    job = {"consul_sd_configs": [{"server": "localhost:8500"}]}
    report, proof = proven(rules(rule(3)), config(**job))
    (found,) = report
    assert (found.code, found.severity) == ("verify/partial", Severity.INFO)
    assert found.help == "a complete promtool is in the official release archives"
    assert "consul_sd_configs" in proof.skipped[0]
    # The rest of the file is still judged.
    report, _ = proven(rules(rule(3)), config(**job, scrape_intervall="5s"))
    assert any("scrape_intervall" in d.message for d in report if d.severity is Severity.ERROR)


@needs_tools
def test_a_web_configuration_is_judged_without_its_certificate() -> None:
    users = {"bob": "$2y$10$EYxs8IOG46m9CtpB/XlPxO1ei7E4BjAen0SUv6di7mD4keR/8JO6m"}
    tls = {"cert_file": "/nowhere.crt", "key_file": "/nowhere.key"}
    web = OutFile("prometheus/web.yml", "yaml", Branch(at(9), tls_server_config=tls, basic_auth_users=users), 0o600)
    report, proof = proven(web, meant=0)
    assert [(d.code, d.help) for d in report] == [
        ("verify/partial", "generate where the server's files are, and it is judged as well")
    ]
    assert "certificate" in proof.skipped[0]
    bad = OutFile("prometheus/web.yml", "yaml", Branch(at(9), tls_server_config=tls, basic_auth_user=users), 0o600)
    report, _ = proven(bad, meant=0)
    assert any(d.code == "verify/promtool" and "basic_auth_user" in d.message for d in report)


def test_a_missing_tool_is_an_error_never_a_pass() -> None:
    gone = {name: Tool(name, None, "missing", "run `mkit tools fetch`") for name in ("promtool", "amtool")}
    report, proof = proven(rules(rule(3)), config(), alertmanager(), tools=gone)
    assert [(d.code, d.span.file) for d in report] == [("verify/missing-tool", "mkit.yaml")] * 2
    assert report.failed
    assert "mkit tools fetch" in next(iter(report)).help
    assert proof.tools == {}


def test_a_tool_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "promtool"
    broken.write_text("not a program")
    broken.chmod(0o755)
    report, _ = proven(rules(rule(3)), config(), tools={"promtool": Tool("promtool", broken, "env")})
    assert report.failed


def test_another_number_of_rules_is_a_bug() -> None:
    with pytest.raises(InternalError, match="3 rules were meant, but 1"):
        proven(rules(rule(3)), config(), meant=3)


@needs_tools
def test_a_lint_error_of_promtool_is_named() -> None:
    with pytest.raises(InternalError, match="1 duplicate rule"):
        proven(rules(rule(3), rule(4)), config(), meant=2)


@needs_tools
def test_promtools_own_count_is_compared() -> None:
    """A file that says less than its tree would pass everything else."""
    outputs = emit([rules(rule(3), rule(4, alert="B")), config()], SYSTEM)
    path = "prometheus/rules/a.yml"
    from monitoring_kit.verify import prometheus

    with private_copy(outputs, list(outputs)) as root:
        (root / path).write_bytes(emit([rules(rule(3))], SYSTEM)[path].data)
        assert TOOLS["promtool"].path
        with pytest.raises(InternalError, match="2 rules were meant, but promtool found 1"):
            prometheus.check_rules(TOOLS["promtool"].path, root, outputs, 2, Report())


@pytest.mark.parametrize("change", [b"up == 1", b"1", b"[up]"])
def test_a_file_that_reads_back_differently_is_a_bug(change: bytes) -> None:
    outputs = emit([rules(rule(3))], SYSTEM)
    path = "prometheus/rules/a.yml"
    changed = dataclasses.replace(outputs[path], data=outputs[path].data.replace(b"up == 0", change))
    with pytest.raises(InternalError, match=r"does not read back as it was meant at /groups/0/rules/0/expr"):
        verify({path: changed}, 1, Report(), "mkit.yaml", {})
    broken = dataclasses.replace(outputs[path], data=b"a: [")
    with pytest.raises(InternalError, match="is not YAML"):
        verify({path: broken}, 1, Report(), "mkit.yaml", {})


PRINTS = """
import json, sys
if sys.argv[1] == "fail":
    raise SystemExit("out of luck")
from monitoring_kit.emit import Output
from monitoring_kit.verify.repeat import fingerprint
order = "".join({"a", "b", "c", "d", "e", "f"}) if sys.argv[1] == "set" else "abcdef"
json.dump({"spec": "ab", "files": fingerprint({"x/y": Output(order.encode(), 0o600)})}, sys.stdout)
"""


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], SecondCompilation]:
    (tmp_path / "second_compilation_for_test.py").write_text(PRINTS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda argument: SecondCompilation("second_compilation_for_test", [argument])


def compare(again: SecondCompilation, outputs: dict[str, Output], sha256: str = "ab") -> Report:
    report = Report()
    again.compare(outputs, "mkit.yaml", sha256, report)
    return report


def test_a_spec_that_is_saved_in_between_is_no_bug_of_ours(second: Callable[[str], SecondCompilation]) -> None:
    with second("list") as again:
        assert [d.code for d in compare(again, {}, "cd")] == ["verify/spec-changed"]


def test_two_compilations_must_agree(second: Callable[[str], SecondCompilation]) -> None:
    good = Output(b"abcdef", 0o600)
    with second("list") as again:
        compare(again, {"x/y": good})
    for outputs, word in (
        ({"x/y": Output(b"abcdeg", 0o600)}, "x/y came out differently"),
        ({"x/y": Output(b"abcdef", 0o644)}, "x/y came out differently"),
        ({"x/y": good, "z": good}, "z came out only once"),
        ({}, "x/y came out only once"),
    ):
        with second("list") as again, pytest.raises(InternalError, match=word):
            compare(again, outputs)
    with second("fail") as again, pytest.raises(InternalError, match="out of luck"):
        compare(again, {"x/y": good})


def test_the_order_of_a_set_in_the_output_is_found_out(
    second: Callable[[str], SecondCompilation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second process has another hash seed than this one: with one of two seeds the order must differ."""
    orders = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        with second("set") as again:
            out, _ = again._process.communicate()
            orders.add(out)
    assert len(orders) == 2


def test_leaving_early_ends_the_second_compilation(second: Callable[[str], SecondCompilation]) -> None:
    with second("list") as again:
        process = again._process
    assert process.poll() is not None


def test_the_copy_is_private_and_removed() -> None:
    with private_copy({"a/b": Output(b"x")}, ["a/b"]) as root:
        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        assert (root / "a/b").read_bytes() == b"x"
    assert not root.exists()


def test_emission_does_not_depend_on_the_hash_seed() -> None:
    program = (
        "from types import SimpleNamespace as S; from monitoring_kit.emit import emit; from monitoring_kit.lower.tree import OutFile, Branch;"
        "t = Branch(None, {f'k{i}': {'x': [i, str(i)]} for i in range(50)});"
        "print([(p, o.data) for p, o in emit([OutFile('b.yml', 'yaml', t), OutFile('a.json', 'json', t)], S(path='s', sha256='x')).items()])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "77")
    ]
    assert len(set(runs)) == 1
    assert b"k49" in runs[0]


@needs_tools
@pytest.mark.parametrize(
    ("target", "blamed"), [("0.25", "a bug in mkit"), ("99.0", "cannot judge files for alertmanager 99.0")]
)
def test_a_tool_older_than_the_target_is_no_bug(target: str, blamed: str) -> None:
    report = Report()
    files = emit([alertmanager(from_the_future=1)], SYSTEM)
    verify(files, 0, report, "mkit.yaml", targets={"alertmanager": target})
    (found,) = (d for d in report if d.severity is Severity.ERROR)
    assert "from_the_future" in found.message
    assert blamed in found.help
