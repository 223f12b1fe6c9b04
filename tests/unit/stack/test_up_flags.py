"""`mkit up` starts the servers with the generated flags: places and addresses are local, everything else is as written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.lab import LabError
from monitoring_kit.stack.rewrite import local_flags
from monitoring_kit.stack.running import Stack
from monitoring_kit.stack.tools import find_tools
from tests.unit.stack.quick_spec import SPEC, needs_servers

Compile = Callable[..., Compilation]
FLAGS = (
    SPEC
    + """\
prometheus:
  retention: {time: 7d, size: 2GB}
  listen: 0.0.0.0:9090
  external_url: https://prom.example.com/prometheus/
  features: [memory-snapshot-on-shutdown]
  flags: {query.lookback-delta: 90s, web.enable-admin-api: "true", web.console.templates: /srv/consoles, web.route-prefix: /p}
"""
)


def flags_of(url: str) -> dict[str, str]:
    answer = requests.get(f"{url}/api/v1/status/flags", timeout=10).json()
    return answer["data"]  # type: ignore[no-any-return]


def test_only_places_and_addresses_are_replaced(compile_text: Compile) -> None:
    spec = FLAGS.replace("  features:", "  web: {cert_file: c.pem, key_file: k.pem}\n  features:")
    own = {
        "config.file": "/tmp/p.yml",
        "storage.tsdb.path": "/tmp/d",
        "web.listen-address": "127.0.0.1:1",
        "web.external-url": "u",
    }
    flags, left_out = local_flags(compile_text(spec).outputs, "prometheus/flags", own)
    assert flags == [
        "--config.file=/tmp/p.yml",
        "--storage.tsdb.path=/tmp/d",
        "--storage.tsdb.retention.time=1w",
        "--storage.tsdb.retention.size=2GB",
        "--storage.remote.flush-deadline=10s",
        "--web.listen-address=127.0.0.1:1",
        "--web.external-url=u",
        "--enable-feature=memory-snapshot-on-shutdown",
        "--query.lookback-delta=90s",
        "--web.enable-admin-api",
    ]
    assert left_out == [
        "--web.config.file of prometheus/flags (the local server has no TLS and no login)",
        "--web.console.templates of prometheus/flags (a folder of the real machine)",
        "--web.route-prefix of prometheus/flags (the local server has its pages at /)",
    ]


@needs_servers
def test_the_real_server_runs_with_the_flags_of_the_spec(compile_text: Compile) -> None:
    with Stack(compile_text(FLAGS)) as stack:
        flags = flags_of(stack.prometheus)
        folder, left_out = str(stack.lab.folder), stack.left_out
        status = requests.get(f"{stack.alertmanager}/api/v2/status", timeout=10).json()
    assert flags["query.lookback-delta"] in ("90s", "1m30s")
    assert flags["enable-feature"] == "memory-snapshot-on-shutdown"
    assert flags["web.enable-admin-api"] == "true"
    assert flags["storage.tsdb.retention.time"] in ("7d", "1w")
    assert flags["storage.tsdb.retention.size"] in ("2GB", "2GiB")
    assert flags["storage.tsdb.path"].startswith(folder)
    assert flags["config.file"].startswith(folder)
    assert flags["web.listen-address"].startswith("127.0.0.1:")
    assert flags["web.external-url"] == stack.prometheus
    assert any("--web.route-prefix" in what for what in left_out)
    assert status["cluster"]["status"] == "disabled"


@needs_servers
@pytest.mark.parametrize("log", ["logfmt", "json"])
def test_a_feature_that_this_server_ignores_is_named(compile_text: Compile, log: str) -> None:
    compilation = compile_text(FLAGS.replace("flags: {", f"flags: {{log.format: {log}, "))
    _append(compilation, "--enable-feature=no-such-feature")
    with Stack(compilation) as stack:
        (said,) = (what for what in stack.left_out if "feature" in what)
    assert said.startswith("the feature no-such-feature (prometheus ")


def test_a_refused_flag_fails_in_the_servers_words_and_says_where_it_comes_from(
    compile_text: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spec is right for its target, but the server that runs here is an older one."""
    tools = find_tools("bookworm")
    if not (tools["prometheus"].found and tools["alertmanager"].found):
        pytest.skip(tools["prometheus"].missing_reason)
    monkeypatch.setenv("MKIT_SUITE", "bookworm")
    flow = FLAGS[FLAGS.index("  flags:") :]
    spec = FLAGS.replace(flow, "  flags:\n    query.lookback-delta: 90s\n    web.enable-otlp-receiver: 'true'\n")
    compilation = compile_text(spec.replace("prometheus:\n", "compatibility: {prometheus: '3.5'}\nprometheus:\n"))
    with pytest.raises(LabError) as failed, Stack(compilation):
        pass
    assert "unknown long flag '--web.enable-otlp-receiver'" in str(failed.value)
    last = str(failed.value).splitlines()[-1]
    assert "mkit.yaml:16:" in last, "the flag's own line, not that of the first"
    assert (
        "`prometheus.flags` has `web.enable-otlp-receiver`: correct or remove it, or run a prometheus that knows it (this is 2.42.0"
        in last
    )


def _append(compilation: Compilation, line: str) -> None:
    from dataclasses import replace

    output = compilation.outputs["prometheus/flags"]
    compilation.outputs["prometheus/flags"] = replace(output, data=output.data + f"{line}\n".encode())
