"""A secret written into a spec is refused with the file to keep it in, and shown by no finding in any format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.main import main
from monitoring_kit.diagnostics import Severity
from monitoring_kit.pipeline import Compilation, compile_spec
from tests.conftest import CHANNEL, HEAD, spelled

WEB = "services:\n  web: {kind: http, scrape: {targets: ['web:80']}}\n"


INLINE = [
    ("slack, channel: '#a'", "api_url", "webhook_file"),
    ("slack, channel: '#a'", "webhook_url", "webhook_file"),
    ("teams", "webhook_url", "webhook_file"),
    ("discord", "url", "webhook_file"),
    ("pagerduty", "routing_key", "routing_key_file"),
    ("pagerduty", "service_key", "routing_key_file"),
    ("pagerduty", "integration_key", "routing_key_file"),
    ("opsgenie", "api_key", "api_key_file"),
    ("telegram, chat_id: 1", "bot_token", "token_file"),
    ("webhook, url: 'http://h:1/'", "bearer_token", "bearer_file"),
    ("email, to: [a@b.c], from: a@b.c, smarthost: 'h:1', username: u", "auth_password", "password_file"),
]


@pytest.mark.parametrize(("channel", "key", "file"), INLINE, ids=[f"{c.split(',')[0]}-{k}" for c, k, _ in INLINE])
@pytest.mark.parametrize("layout", ["flow", "block"])
def test_a_secret_under_any_of_its_names_is_refused_and_never_shown(
    tmp_path: Path, channel: str, key: str, file: str, layout: str
) -> None:
    text = HEAD + WEB + f"channels:\n  s: {{kind: {channel}, {key}: 'T0/hunter2secret'}}\n"
    if layout == "block":
        lines = [f"    {part.strip()}" for part in f"kind: {channel}".replace("[a@b.c]", "a@b.c").split(",")]
        text = HEAD + WEB + "channels:\n  s:\n" + "\n".join([*lines, f"    {key}: T0/hunter2secret"]) + "\n"
    path = tmp_path / "mkit.yaml"
    path.write_text(text)
    for form in ("text", "json", "sarif", "github"):
        shown = CliRunner().invoke(main, ["check", str(path), "--format", form])
        assert shown.exit_code == 1
        assert "secrets/inline" in shown.output
        assert "hunter2secret" not in shown.output, (form, shown.output)
    (found,) = [d for d in compile_spec(path).report if d.code == "secrets/inline"]
    assert f"{file}: /run/secrets/" in found.help


def test_a_key_that_only_looks_like_a_secrets_is_no_secret(compile_text: Callable[..., Compilation]) -> None:
    text = (
        HEAD
        + CHANNEL
        + "services:\n  web: {kind: http, scrape: {targets: ['web:80'], url: 'http://web/', tokens: 5}}\n"
    )
    assert [d.code for d in compile_text(text).report] == ["spec/unknown-key", "spec/unknown-key"]


def test_a_secret_never_reaches_a_finding(compile_text: Callable[..., Compilation]) -> None:
    text = (
        HEAD
        + WEB
        + "channels:\n  s: {kind: slack, channel: '#a', webhook: 'hunter2'}\n  u: {kind: webhook, url: 'http://a:hunter3@b/'}\n"
    )
    report = compile_text(text).report
    assert sum(d.secret for d in report) == 2
    assert "hunter" not in "".join(spelled(d) for d in report)


def test_no_secret_of_users_and_exporters_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(
        HEAD
        + CHANNEL
        + """prometheus: {web: {users: {bob: hunter2}}}
services: {web: {kind: http, scrape: {targets: ['w:1']}}}
exporters:
  business:
    sources:
      a: {kind: mysql, dsn: 'user:hunter2@tcp(db)/x'}
      b: {kind: postgresql, url: 'postgresql://user:hunter2@db/x'}
      c:
        kind: http
        url: https://h/x?token=hunter2
        headers: {Authorization: Bearer hunter2}
      d: {kind: redis, url: 'redis://h/0', password: hunter2}
    collect: {}
"""
    )
    for form in ("text", "json", "sarif", "github"):
        shown = CliRunner().invoke(main, ["check", str(path), "--format", form])
        assert shown.exit_code == 1
        assert "hunter2" not in shown.output, (form, shown.output)
    found = [(d.span.line, d.help) for d in compile_spec(path).report if d.code == "secrets/inline"]
    files = ["bcrypt", "dsn_file", "dsn_file", "dsn_file", "bearer_file", "password_file"]
    assert [line for line, _ in found] == [5, 10, 11, 14, 15, 16]
    assert all(file in help_ for file, (_, help_) in zip(files, found, strict=True))


BUSINESS = """services: {web: {kind: business, scrape: {targets: ['w:9641']}}}
metrics: {m: {type: gauge, help: M., services: [web]}}
exporters:
  business:
    sources:
      s: {kind: %s}
    collect: {m: {source: s, query: SELECT 1 AS value}}
"""
USERS = "prometheus: {web: {users: %s}}\n" + WEB


def test_a_secret_is_told_once(tmp_path: Path) -> None:
    """The exporter's own words on the same place are left out, those on others are not."""
    path = tmp_path / "mkit.yaml"
    for body in (
        "http, url: 'https://h/x', headers: {Authorization: Bearer hunter2}",
        "http, url: 'https://h/x', headers: {Cookie: hunter2}",
        "http, url: 'https://u:hunter2@h/x'",
        "redis, url: 'redis://h/0', password: hunter2",
    ):
        path.write_text(HEAD + CHANNEL + BUSINESS % body)
        assert [d.code for d in compile_spec(path).report if d.severity is Severity.ERROR] == ["secrets/inline"], body
        path.write_text(HEAD + CHANNEL + BUSINESS % f"{body}, timeout: soon")
        found = [d.code for d in compile_spec(path).report if d.severity is Severity.ERROR]
        assert sorted(found) == ["exporters/config", "secrets/inline"], body


@pytest.mark.parametrize(
    "block",
    [
        *(
            BUSINESS % body
            for body in (
                "postgresql, url: 'postgresql://user:hunter2/x@db/x'",  # a slash that ought to be %2F
                "mysql, url: 'mysql://user:hunter2#x@db/x'",
                "mysql, url: 'user:hunter2@tcp(db)/x'",
                "redis, url: ['redis://u:hunter2@h/0']",
                "redis, url: 'redis://h/0', password: [hunter2]",
                "redis, url: 'redis://h/0', password: {value: hunter2}",
                "redis, url: 'redis://h/0', pwd: hunter2",
                "redis, url: 'redis://h/0', passphrase: hunter2",
                "http, url: 'https://h/x?access_token=hunter2'",
                "http, url: 'https://h/x?sig=hunter2'",
                "http, url: 'https://h/x?u=me&p=hunter2'",
                "http, url: 'https://hunter2@h/x'",
                "http, url: 'https://h/x', headers: {X-Auth: hunter2}",
                "http, url: 'https://h/x', headers: {Api-Key: hunter2}",
                "http, url: 'https://h/x', headers: {Private-Token: hunter2}",
                "http, url: 'https://h/x', header_files: {X-Api-Key: hunter2}",
                "http, url: 'https://h/x', bearer_file: hunter2",
                "redis, dsn_file: 'redis://u:hunter2@h/0'",
            )
        ),
        (BUSINESS % "http, url: 'https://h/x'").replace(
            "query: SELECT 1 AS value", "path: '/v1?api_key=hunter2', jmespath: n"
        ),
        BUSINESS.replace("s: {kind: %s}", "s: ['mysql://user:hunter2@h/x']"),
        USERS % "{bob: [hunter2]}",
        USERS % "{bob: {password: hunter2}}",
        USERS % "hunter2",
        USERS % f"{{bob: {'hunter2' * 2000}}}",
        "services: {m: {kind: ai-model, scrape: {targets: ['a:9642']}}}\n"
        "exporters: {ai: {scrape: {url: 'http://u:hunter2@h/metrics', mapping: triton}}}\n",
    ],
)
def test_a_secret_in_any_form_is_refused_and_not_shown(tmp_path: Path, block: str) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(HEAD + CHANNEL + block)
    for form in ("text", "json", "sarif", "github"):
        shown = CliRunner().invoke(main, ["check", str(path), "--format", form])
        assert shown.exit_code == 1
        assert "secrets/inline" in shown.output
        assert "hunter2" not in shown.output, (form, shown.output)


@pytest.mark.parametrize(
    "body",
    [
        "http, url: 'https://h/x?p=2'",
        "http, url: 'https://h/x?partition_key=eu'",
        "http, url: 'https://h:8080/@me'",
        "http, url: 'http://[::1]:80/x'",
        "http, url: 'https://h/x', headers: {X-Partition-Key: eu, Accept: a}",
        "http, url: 'https://h/x', header_files: {X-Api-Key: /run/secrets/key}, tls: {ca_file: ./ca.pem}",
    ],
)
def test_what_is_no_secret_is_accepted(compile_text: Callable[..., Compilation], body: str) -> None:
    result = compile_text(HEAD + CHANNEL + (BUSINESS % body).replace("SELECT 1 AS value", "n"))
    assert [d.code for d in result.report if d.severity.name == "ERROR"] == []


def test_a_source_and_a_label_may_be_called_token(compile_text: Callable[..., Compilation]) -> None:
    named = (
        (BUSINESS % "redis, url: 'redis://h/0'")
        .replace("s: {kind", "token: {kind")
        .replace("source: s", "source: token")
    )
    result = compile_text(HEAD + CHANNEL + named.replace("SELECT 1 AS value", "LLEN q"))
    assert "secrets/inline" not in [d.code for d in result.report]
    mapped = (
        "services: {m: {kind: ai-model, scrape: {targets: ['a:9642']}}}\n"
        "exporters: {ai: {scrape: {url: 'http://h/metrics', mapping: {metrics: {foo_total: {type: counter, help: F., labels: {kind: {}}}},"
        " rules: [{metric: foo, to: foo_total, labels: {token: kind}}]}}}}\n"
    )
    assert "secrets/inline" not in [d.code for d in compile_text(HEAD + CHANNEL + mapped).report]


def test_a_label_value_called_token_is_no_secret(compile_text: Callable[..., Compilation]) -> None:
    text = (
        HEAD + CHANNEL + "services: {web: {kind: business, scrape: {targets: ['w:9641']}}}\n"
        "metrics: {queue_length: {type: gauge, help: Queue., service: web, labels: {key: {values: [token, mail]}}}}\n"
        "exporters:\n  business:\n    sources: {r: {kind: redis, url: 'redis://h/0'}}\n"
        "    collect:\n      queue_length: {source: r, query: {token: LLEN q:token, mail: LLEN q:mail}}\n"
    )
    assert "secrets/inline" not in [d.code for d in compile_text(text).report]
