"""Flags and features that the targeted Prometheus lacks; the table is what the real servers say."""

from __future__ import annotations

import re
import subprocess

import pytest

from monitoring_kit.lower.prometheus import lower_prometheus
from monitoring_kit.stack.tools import find_tools
from monitoring_kit.targets.server_flags import captured, known, names
from tests.unit.lower.spec_text import HEAD, WEB, Compile, lowered

SUITES = {"bookworm": "2.42", "trixie": "2.53", "sid": "3.5"}


def found(compile_text: Compile, target: str, keys: str) -> list[tuple[str, str, str, str]]:
    """Severity and code, what is marked, message and help of what `prometheus: {keys}` gives."""
    spec = HEAD + f"compatibility: {{prometheus: '{target}'}}\nprometheus: {{{keys}}}\n" + WEB
    files = lowered(compile_text(spec), lower_prometheus)
    lines = spec.splitlines()
    return [
        (f"{d.severity.name.lower()} {d.code}", lines[d.span.line - 1][d.span.column - 1 : d.span.end_column - 1], d.message, d.help or "")
        for d in files.report
        if "flag" in d.message or "feature" in d.message
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "keys", "finding", "marked", "message", "help_"),
    [
        (
            "2.42", "flags: {log.level: warn, web.enable-otlp-receiver: 'true'}", "error version/unsupported", "web.enable-otlp-receiver",
            "the flag `--web.enable-otlp-receiver` needs Prometheus 3.0, and 2.42 is targeted",
            '2.42 does not start with a flag that it does not know; remove it, or write `compatibility: {prometheus: "3.0"}` once your '
            "servers are that new",
        ),
        (
            "2.42", "features: [exemplar-storage, otlp-write-receiver]", "error version/unsupported", "otlp-write-receiver",
            "the feature `otlp-write-receiver` needs Prometheus 2.47, and 2.42 is targeted",
            '2.42 ignores a feature that it does not know; remove it, or write `compatibility: {prometheus: "2.47"}` once your servers '
            "are that new",
        ),
        (
            "2.42", "features: no-such-feature", "error prometheus/unknown-feature", "no-such-feature",
            "no Prometheus that mkit knows has the feature `no-such-feature`", "remove it: Prometheus ignores a feature that it does not know",
        ),
        (
            # It may have come and gone between two servers that were asked.
            "3.1", "features: [native-histogram]", "warning prometheus/unknown-feature", "native-histogram",
            "no Prometheus that was asked (2.42, 2.53, 3.5) has the feature `native-histogram`",
            "did you mean `native-histograms`? Prometheus ignores a feature that it does not know",
        ),
        (
            "2.53", "flags: {log.levle: warn}", "error prometheus/unknown-flag", "log.levle",
            "no Prometheus that mkit knows has the flag `--log.levle`",
            "did you mean `log.level`? Prometheus does not start with a flag that it does not know",
        ),
        (
            "3.5", "flags: {storage.tsdb.allow-overlapping-blocks: 'true'}", "error version/unsupported", "storage.tsdb.allow-overlapping-blocks",
            "Prometheus 3.5 has no flag `--storage.tsdb.allow-overlapping-blocks` any more",
            "remove it: 3.5 does not start with a flag that it does not know",
        ),
        (
            # Between two servers that were asked: the releases' notes say when it went.
            "3.1", "flags: {alertmanager.timeout: 10s}", "error version/unsupported", "alertmanager.timeout",
            "Prometheus 3.1 has no flag `--alertmanager.timeout` any more", "remove it: 3.1 does not start with a flag that it does not know",
        ),
        (
            "3.5", "features: [no-default-scrape-port]", "warning version/unsupported", "no-default-scrape-port",
            "Prometheus 3.5 has no feature `no-default-scrape-port` any more", "remove it: 3.5 ignores a feature that it does not know",
        ),
        (
            "3.1", "features: [metadata-wal-records]", "info prometheus/unknown-feature", "metadata-wal-records",
            "mkit does not know whether Prometheus 3.1 has the feature `metadata-wal-records`: 2.42, 2.53, 3.5 were asked",
            "look with `prometheus --help` of that version; it ignores a feature that it does not know",
        ),
        (
            "2.55", "features: [utf8-names]", "info prometheus/unknown-feature", "utf8-names",
            "mkit does not know whether Prometheus 2.55 has the feature `utf8-names`: 2.42, 2.53, 3.5 were asked",
            "look with `prometheus --help` of that version; it ignores a feature that it does not know",
        ),
        (
            "3.9", "features: [native-histogram]", "warning prometheus/unknown-feature", "native-histogram",
            "no Prometheus that was asked (2.42, 2.53, 3.5) has the feature `native-histogram`",
            "did you mean `native-histograms`? Prometheus ignores a feature that it does not know",
        ),
    ],
)  # fmt: skip
def test_what_the_target_lacks_is_said_at_its_entry(
    compile_text: Compile, target: str, keys: str, finding: str, marked: str, message: str, help_: str
) -> None:
    assert found(compile_text, target, keys) == [(finding, marked, message, help_)]


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("3.1", "flags: {web.enable-otlp-receiver: 'true'}, features: [promql-experimental-functions]"),
        ("2.42", "flags: {no-storage.tsdb.wal-compression: ''}"),
        ("3.14", "features: [brand-new-idea]"),
        ("3.5", "features: [old-ui]"),
    ],
)
def test_what_the_target_has_or_may_have_is_no_finding(compile_text: Compile, target: str, keys: str) -> None:
    assert found(compile_text, target, keys) == []


def test_flags_of_mkits_own_and_open_ones_are_marked_at_their_entry(compile_text: Compile) -> None:
    keys = "flags: {log.level: warn, web.listen-address: ':9', web.enable-admin-api: 'true'}"
    spec = HEAD + f"prometheus: {{{keys}}}\n" + WEB
    line = next(line for line in spec.splitlines() if "web.listen" in line)
    report = lowered(compile_text(spec), lower_prometheus).report
    marked = {d.code: line[d.span.column - 1 : d.span.end_column - 1] for d in report if d.code.endswith("flag")}
    assert marked == {"prometheus/flag": "web.listen-address", "prometheus/open-flag": "web.enable-admin-api"}


@pytest.mark.parametrize(("suite", "version"), SUITES.items())
def test_the_table_is_what_the_real_server_says(suite: str, version: str) -> None:
    server = find_tools(suite)["prometheus"]
    if server.path is None or server.release != tuple(map(int, version.split("."))):
        pytest.skip(server.missing_reason or f"this is {server.version}")

    def said(*arguments: str) -> str:
        done = subprocess.run([str(server.path), *arguments], capture_output=True, text=True, timeout=30, check=False)
        return done.stdout + done.stderr

    text = said("--help-long")
    shown = set(re.findall(r"(?m)^ +(?:-h, )?--(?:\[no-\])?([a-z0-9.-]*[a-z0-9])(?=[ =]|$)", text))
    shown -= {"help", "help-long", "help-man", "version"}
    assert len(shown) > 30
    assert {name for name in shown if not known("flags", name, version).has} == set()
    for name in sorted(names("flags")):
        # Debian's build has no OpenTelemetry.
        if "otlp" not in name and not known("flags", name, version).has:
            assert f"unknown long flag '--{name}'" in said(f"--{name}", "--version")
    assert version in captured()
    options = re.search(r"Valid options: (.*?)\. See", " ".join(text.split()))
    assert options is not None
    if version != "3.5":
        # 3.5 still lists some that it ignores.
        listed = options[1].replace(" (DEPRECATED)", "").split(", ")
        assert {name for name in listed if not known("features", name, version).has} == set()
