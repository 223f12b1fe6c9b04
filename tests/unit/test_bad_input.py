"""Every mistake a user can make in a spec: what mkit says, and where the caret stands (between « and »)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.main import main
from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.spec.quantity import Duration
from tests.conftest import CHANNEL, HEAD, marked, spelled

WEB = "services:\n  web: {kind: http, scrape: {targets: ['web:80']}}\n"
BASE = HEAD + CHANNEL + WEB

# name, spec with the place of the finding marked, code, part of the message, part of the help
CASES: list[tuple[str, str, str, str, str]] = [
    ("unknown key", HEAD + WEB + "«alertz»: {}\n", "spec/unknown-key", "unknown key `alertz`", "did you mean `alerts`?"),
    (
        "unknown key of a service",
        HEAD + "services:\n  web: {kind: http, «scrap»: {}, scrape: {targets: ['a:1']}}\n",
        "spec/unknown-key", "`scrap`", "`scrape`",
    ),
    (
        "wrong unit",
        BASE + "alerts:\n  A: {when: errors > «2s», severity: warning}\n",
        "units/mismatch", "`2s` is a time, but `errors` is a ratio", "errors > 5%",
    ),
    (
        "percent left out",
        BASE + "alerts:\n  A: {when: errors > «5», severity: warning}\n",
        "units/mismatch", "`5` is a plain number", "did you mean `5%`?",
    ),
    (
        "seconds left out",
        BASE + "alerts:\n  A: {when: latency(p95) > «2», severity: warning}\n",
        "units/mismatch", "but `latency` is a time", "did you mean `2s`?",
    ),
    (
        "milliseconds left out",
        BASE + "alerts:\n  A: {when: latency(p95) > «500», severity: warning}\n",
        "units/mismatch", "but `latency` is a time", "did you mean `500ms`?",
    ),
    (
        "unknown unit",
        BASE + "alerts:\n  A: {when: errors > «5 potatoes», severity: warning}\n",
        "signals/syntax", "`potatoes` is no unit", "",
    ),
    (
        "unknown service",
        BASE + "alerts:\n  A: {services: [web, «wbe»], when: errors > 5%, severity: warning}\n",
        "spec/unknown-service", "there is no service `wbe`", "did you mean `web`?",
    ),
    (
        "unknown dependency",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, depends_on: [«db»]}\n",
        "spec/unknown-service", "there is no service `db`", "services: `web`",
    ),
    (
        "unknown channel",
        BASE + "alerts:\n  A: {when: errors > 5%, severity: warning, notify: [«mial»]}\n",
        "spec/unknown-channel", "there is no channel `mial`", "did you mean `mail`?",
    ),
    (
        "unknown signal",
        BASE + "alerts:\n  A: {when: «errrors» > 5%, severity: warning}\n",
        "spec/unknown-signal", "there is no signal `errrors`", "did you mean `errors`?",
    ),
    (
        "unknown metric of a kind",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, metrics: «{http_request_total: app_total}»}\n",
        "spec/unknown-metric", "reads no metric `http_request_total`", "did you mean `http_requests_total`?",
    ),
    (
        "unknown kind",
        HEAD + CHANNEL + "services:\n  web: {kind: «htttp», scrape: {targets: ['web:80']}}\n",
        "spec/unknown-kind", "no signal pack for the kind `htttp`", "did you mean `http`?",
    ),
    (
        "unknown kind of channel",
        HEAD + WEB + "channels:\n  mail: {kind: «emial», to: [a@b]}\n",
        "spec/unknown-kind", "unknown kind `emial`", "did you mean `email`?",
    ),
    (
        "duplicate key",
        HEAD + WEB + "channels: {}\n«channels»: {}\n",
        "yaml/duplicate-key", "`channels` is written twice", "remove or rename",
    ),
    ("tab indentation", HEAD + "services:\n«\t»web: {kind: http}\n", "yaml/syntax", "a tab is used for indentation", "spaces"),
    ("not YAML", HEAD + "services: {web: [}«»", "yaml/syntax", "not YAML", ""),
    ("a list", "«»- a\n", "spec/type", "does not hold a mapping", "version: mkit/v1"),
    ("two documents", HEAD + WEB + "«---»\na: 1\n", "yaml/documents", "second YAML document", "one spec a file"),
    ("version", "version: «mkit/v2»\nsystem: x\n" + WEB, "spec/version", "`mkit/v2`", "did you mean `mkit/v1`?"),
    ("no alias", HEAD + "services: «*x»\n", "yaml/syntax", "has no anchor", ""),
    (
        "objective of 100 %",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, slos: {up: {signal: errors, objective: «100%»}}}\n",
        "slo/objective", "leaves no error budget", "99.9%",
    ),
    (
        "objective of 0",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, slos: {up: {signal: errors, objective: «0%»}}}\n",
        "slo/objective", "can never be missed", "share of good events",
    ),
    (
        "objective on no ratio of events",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, slos: {up: {signal: «cpu», objective: 99%}}}\n",
        "slo/signal", "counts no events", "ratio of events",
    ),
    (
        "objective between two buckets",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, slos: {f: {signal: latency, objective: 99%, threshold: «3s»}}}\n",
        "slo/threshold", "no bucket that ends at 3s", "2.5s",
    ),
    (
        "threshold beyond the last bucket",
        BASE + "alerts:\n  A: {when: latency(p95) > «11s», severity: warning}\n",
        "alerts/threshold", "can never be above 11s", "at most 10",
    ),
    *(
        (
            f"comparator {slip}",
            BASE + f"alerts:\n  A: {{when: 'errors «{slip}» 5%', severity: warning}}\n",
            "signals/syntax", f"`{slip}` is no comparator", f"did you mean `{meant}`?",
        )
        for slip, meant in (("=>", ">="), ("=<", "<="), ("=", "=="))
    ),
    (
        "conditions joined by or",
        BASE + "alerts:\n  A: {when: latency(p95) > 2s «or» errors > 5%, severity: warning}\n",
        "signals/syntax", "`or` does not join conditions", "write two alerts",
    ),
    (
        "an alert for nobody",
        BASE + "alerts:\n  A: {when: errors > 5%, severity: warning, notify: «[]»}\n",
        "spec/value", "at least 1 expected", "leave `notify` out",
    ),
    (
        "an objective for nobody",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, slos: {up: {signal: errors, objective: 99%, notify: «[]»}}}\n",
        "spec/value", "at least 1 expected", "leave `notify` out",
    ),
    (
        "share above 100 %",
        BASE + "alerts:\n  A: {when: errors > «120%», severity: warning}\n",
        "alerts/threshold", "can never be > 120%", "between 0% and 100%",
    ),
    (
        "quantile of a ratio",
        BASE + "alerts:\n  A: {when: «errors(p95)» > 5%, severity: warning}\n",
        "signals/argument", "no histogram and has no quantiles", "write `errors`",
    ),
    (
        "condition without comparison",
        BASE + "alerts:\n  A: {when: «errors», severity: warning}\n",
        "signals/syntax", "not compared with anything", "threshold",
    ),
    (
        "inline secret",
        HEAD + WEB + "channels:\n  s: {kind: slack, channel: '#a', «webhook»: 'https://hooks/T0/secret', webhook_file: /x}\n",
        "secrets/inline", "would put a secret into the spec", "webhook_file: /run/secrets/webhook",
    ),
    (
        "credentials in a URL",
        HEAD + WEB + "channels:\n  s: {kind: webhook, url: «'http://me:pw@host/x'»}\n",
        "secrets/inline", "carries a credential", "password_file",
    ),
    (
        "bad label name",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, labels: {«my-label»: x}}\n",
        "spec/label-name", "`my-label` is not a valid label name", "write `my_label`",
    ),
    (
        "invalid PromQL",
        BASE + "alerts:\n  A: {expr: 'sum by (service (up)', severity: warning}\n".replace("service (up", "service «(»up"),
        "promql/syntax", "invalid PromQL", "",
    ),
    (
        "when and expr",
        BASE + "alerts:\n  A: {when: errors > 5%, «expr»: up == 0, severity: warning}\n",
        "spec/one-of", "exactly one of", "",
    ),
    (
        "no channel",
        HEAD + WEB,
        "alerts/no-channel", "reach nobody", "channels",
    ),
    (
        "dependency cycle",
        HEAD + CHANNEL
        + "services:\n  a: {kind: http, scrape: {targets: ['a:80']}, depends_on: [b]}\n"
        + "  b: {kind: http, scrape: {targets: ['b:80']}, depends_on: [«a»]}\n",
        "spec/dependency-cycle", "depend on each other", "",
    ),
    (
        "timeout longer than interval",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80'], interval: 10s, timeout: «20s»}}\n",
        "scrape/timeout", "longer than the interval", "",
    ),
    (
        "duration",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80'], interval: «5 minutes»}}\n",
        "spec/duration", "`5 minutes` is no duration", "write `5m`",
    ),
    ("a duration of no unit", BASE + "alerts:\n  A: {when: errors > 5%, for: «5 moons», severity: warning}\n", "spec/duration", "`5 moons`", "write 30s, 5m"),
    ("a key of one level deeper", BASE + "«scrap_interval»: 15s\n", "spec/unknown-key", "`scrap_interval`", "did you mean `scrape_interval` of `prometheus:`?"),
    (
        "a target with a blank",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: [«web 80»]}}\n",
        "spec/value", "`web 80` is not a `host:port` target", "such as `web:8080`",
    ),
    (
        "buckets not ascending",
        BASE + "metrics:\n  h: {type: histogram, help: x, buckets: «[1, 0.5]», services: [web]}\n",
        "metrics/buckets", "not ascending", "smallest first",
    ),
    (
        "yes is no boolean",
        HEAD + WEB + "channels:\n  m: {kind: webhook, url: 'http://a/', send_resolved: «yes»}\n",
        "spec/type", "expected true or false, found `yes`", "YAML 1.2",
    ),
    ("key without value", HEAD + WEB + "«docs_url»:\n", "spec/type", "has no value", "remove the key"),
    ("unset environment variable", HEAD + WEB + "docs_url: «${NOWHERE}»\n", "env/unset", "NOWHERE is not set", ":-value"),
    (
        "invalid PromQL in a panel",
        BASE + "dashboards:\n  d: {title: D, panels: [{title: P, query: '«sum()»'}]}\n",
        "promql/syntax", "invalid PromQL", "",
    ),
    (
        "template label that the result lacks",
        BASE + "alerts:\n  A: {when: errors > 5%, severity: warning, summary: '{{ $labels.«podd» }} fails'}\n",
        "labels/template-label", "never has the label `podd`", "`service`",
    ),
    (
        "two dashboards with one uid",
        BASE + "dashboards:\n  a: {title: A, uid: u, panels: [{title: P, signal: errors}]}\n"
        + "  «b»: {title: B, uid: u, panels: [{title: P, signal: errors}]}\n",
        "dashboards/duplicate", "two dashboards with one uid: `u`", "another `uid`",
    ),
    (
        "uid of a generated dashboard",
        BASE + "dashboards:\n  «a»: {title: A, uid: shop-system, panels: [{title: P, signal: errors}]}\n",
        "dashboards/duplicate", "one uid: `shop-system`", "another `uid`",
    ),
    (
        "two alerts with one name",
        BASE + "alerts:\n  A: {when: errors > 5%, severity: warning}\n  «A»: {when: errors > 9%, severity: critical}\n",
        "yaml/duplicate-key", "`A` is written twice", "remove or rename",
    ),
    (
        "an alert called like a generated one, of no service",
        BASE + "alerts:\n  «ServiceDown»: {expr: 'up == 0', severity: warning}\n",
        "alerts/duplicate", "mkit itself generates an alert `ServiceDown` for `web`", "rename yours",
    ),
    (
        "an alert called like a generated one, of a service",
        BASE + "alerts:\n  «TargetDown»: {when: errors > 5%, services: [web], severity: warning}\n",
        "alerts/duplicate", "mkit itself generates an alert `TargetDown`", "alerting: {absent: off}",
    ),
    (
        "an alert called like the dead man's switch",
        BASE + "alerting: {watchdog: {notify: [mail]}}\nalerts:\n  «Watchdog»: {expr: 'vector(1) > 0', severity: info}\n",
        "alerts/duplicate", "mkit itself generates an alert `Watchdog`", "rename yours",
    ),
    (
        "feature that the targeted version lacks: a channel",
        HEAD + WEB + "channels:\n  t: {kind: teams, webhook_file: «/run/secrets/teams»}\n",
        "version/unsupported", "cannot work with Alertmanager 0.25", "compatibility: {alertmanager:",
    ),
    (
        "feature that the targeted version lacks: a function",
        BASE + "alerts:\n  A: {expr: '«mad_over_time»(up[5m]) > 1', severity: warning}\n",
        "promql/version", "2.49", "",
    ),
    (
        "a version older than all that mkit knows",
        HEAD + CHANNEL + WEB + "compatibility: {prometheus: «'2.40'»}\n",
        "version/unsupported", "Prometheus 2.40 is older than 2.42", '`prometheus: "2.42"`',
    ),
    (
        "a version of too many digits",
        HEAD + CHANNEL + WEB + "compatibility: {alertmanager: «'99999.1'»}\n",
        "spec/value", "`99999.1` is not a version", "",
    ),
    (
        "a version that is none",
        HEAD + CHANNEL + WEB + "compatibility: {prometheus: «newest»}\n",
        "spec/value", "`newest` is not a version such as 2.42", "",
    ),
    (
        "missing key",
        HEAD + CHANNEL + "services:\n  web: «{scrape: {targets: ['web:80']}}»\n",
        "spec/missing-key", "`kind` is missing", "Signal pack",
    ),
    (
        "login without password file",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80'], basic_auth: {username: u, «password»: hunter2}}}\n",
        "secrets/inline", "`password` would put a secret", "password_file",
    ),
    (
        "a bearer token",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80'], «bearer»: abc}}\n",
        "secrets/inline", "`bearer` would put a secret", "bearer_file",
    ),
    (
        "a path that is none",
        HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80'], path: «metrics»}}\n",
        "spec/value", "`metrics`", "/",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message", "help_"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_mistake(compile_text: Callable[..., Compilation], text: str, code: str, message: str, help_: str) -> None:
    clean, place = marked(text)
    report = compile_text(clean).report
    found = [d for d in report if d.code == code and message in d.message]
    assert found, [spelled(d) for d in report]
    assert help_ in found[0].help, found[0].help
    if place and "«»" not in text:
        span = found[0].span
        assert (span.line, span.column) == place[:2], (span, place)
        if code != "yaml/syntax":
            assert (span.end_line, span.end_column) == place[2:], (span, place)


def test_the_mistake_is_the_only_finding_and_all_are_found_in_one_run(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + (
        "services:\n  web: {kind: http, scrape: {targets: ['web:80'], intervall: 5s}}\n"
        "alerts:\n  A: {when: errors > 2s, severity: warning}\n  B: {when: nope > 2s, severity: loud}\n"
        "dashboards:\n  d: {title: T, panels: [{title: P, signal: latncy}]}\n"
    )  # fmt: skip
    report = compile_text(text).report
    assert [(d.span.line, d.code) for d in report] == [
        (6, "spec/unknown-key"),
        (8, "units/mismatch"),
        (9, "spec/value"),
        (11, "spec/unknown-signal"),
    ]


def test_a_target_that_is_wrong_is_not_said_to_be_missing(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: %s}}\n"
    for wrong in ("['web 80']", "web 80"):
        assert [d.code for d in compile_text(text % wrong).report] == ["spec/value"]
    assert [d.code for d in compile_text(text % "[]").report] == ["scrape/no-targets"]


def test_a_section_that_is_written_twice_is_the_only_finding(compile_text: Callable[..., Compilation]) -> None:
    text = BASE + (
        "services:\n  api: {kind: mysql, scrape: {targets: ['api:80']}}\n"
        "alerts:\n  A: {services: [web, api], when: availability < 99%, severity: warning}\n"
    )  # fmt: skip
    assert [d.code for d in compile_text(text).report] == ["yaml/duplicate-key"]
    # Below that level the two may contradict each other: the first alone counts.
    twice = "alerts:\n  A: {when: errors > 5%, severity: warning}\n  A: {expr: up == 0, severity: warning}\n"
    assert [d.code for d in compile_text(BASE + twice).report] == ["yaml/duplicate-key"]


@pytest.mark.parametrize("text", [c[1] for c in CASES if c[2] in ("spec/value", "spec/metric-name")])
def test_nobody_is_shown_a_regular_expression(compile_text: Callable[..., Compilation], text: str) -> None:
    for found in compile_text(marked(text)[0]).report:
        assert not re.search(r"\\[sSdw]|\[\^|\]\+|\(\?", found.message + found.help), found


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2 minutes", "2m"), ("1h 30 min", "1h30m"), ("90 secs", "1m30s"), ("1 hour and 30 minutes", "1h30m"), ("2 Days", "2d"),
        ("500 millis", "500ms"), ("1 week", "1w"), ("3 months", ""), ("5 apples", ""), ("1.5h", ""), ("minutes", ""), ("5", ""),
        ("9999999 years", ""), ("5 MB", ""), ("3 daft", ""), ("2 millennia", ""), ("5M", ""), ("3 hrs", "3h"),
    ],
)  # fmt: skip
def test_a_duration_in_words_is_spelled_for_its_author(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match="is no duration") as error:
        Duration.of(text)
    assert (f"write `{meant}`" in str(error.value)) is bool(meant)
    assert ("write 30s" in str(error.value)) is not bool(meant)


def test_a_semicolon_of_the_author_does_not_cut_the_message(compile_text: Callable[..., Compilation]) -> None:
    (found,) = [
        d
        for d in compile_text(HEAD + WEB + "prometheus: {scrape_interval: '5; x'}\n").report
        if d.code == "spec/duration"
    ]
    assert found.message == "`5; x` is no duration"


def test_no_memory_is_no_limit_to_take_shares_of(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + WEB.replace("kind: http", "kind: http, resources: {memory: 0B}")
    assert "memory: 0B" in text
    assert [d.message for d in compile_text(text).report if d.code == "spec/value"] == ["`0B` is not more than nothing"]


def test_a_channel_that_is_wrong_is_not_said_to_be_missing(compile_text: Callable[..., Compilation]) -> None:
    broken = CHANNEL.replace("http://hook:1/", "hook")
    assert broken != CHANNEL
    assert [d.code for d in compile_text(HEAD + broken + WEB).report] == ["spec/value"]
    assert [d.code for d in compile_text(HEAD + "channels: {}\n" + WEB).report] == ["alerts/no-channel"]


def test_an_empty_file(compile_text: Callable[..., Compilation]) -> None:
    for text in ("", "\n\n", "# nothing\n", "null\n"):
        report = compile_text(text).report
        assert [d.code for d in report] == ["spec/empty"]


def test_a_missing_file(tmp_path: Path) -> None:
    report = compile_spec(tmp_path / "none.yaml").report
    assert [d.code for d in report] == ["file/missing"]
    assert "mkit init" in next(iter(report)).help


def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(HEAD)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: a folder is what it cannot read as a file
        path = tmp_path / "folder"
        path.mkdir()
    assert [d.code for d in compile_spec(path).report] == ["file/unreadable"]


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    report = compile_spec(path).report
    assert [(d.code, d.message.split(" is ")[1]) for d in report] == [
        ("file/too-large", "100 MiB; a spec may be 32 MiB")
    ]


def test_an_alias_bomb_is_refused_quickly(compile_text: Callable[..., Compilation]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    report = compile_text("\n".join(lines) + "\n").report
    assert [d.code for d in report] == ["yaml/limit"]
    assert next(iter(report)).span.line == 7  # 10^7 nodes are reached on the seventh line


@pytest.mark.parametrize("depth", [70, 100_000])  # libyaml has a limit of its own at 1,000
def test_deep_nesting_is_refused(compile_text: Callable[..., Compilation], depth: int) -> None:
    report = compile_text("a: " + "[" * depth).report
    assert [(d.code, d.message) for d in report] == [("yaml/limit", "more than 64 levels of nesting")]
    assert next(iter(report)).span.line == 1


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_bytes(b"version: mkit/v1\nsystem: \xff\n")
    (found,) = compile_spec(path).report
    assert (found.code, found.span.line, found.span.column) == ("file/encoding", 2, 9)


def test_control_characters(compile_text: Callable[..., Compilation]) -> None:
    (found,) = compile_text(HEAD + "owner: a\x00b\n").report
    assert found.code == "yaml/syntax"
    assert found.span.line == 3


def test_includes(compile_text: Callable[..., Compilation]) -> None:
    result = compile_text(HEAD + "include: [web__yaml]\n".replace("__", ".") + CHANNEL, web__yaml=WEB)
    assert result.ok
    assert result.system is not None
    assert list(result.system.services) == ["web"]


def test_an_include_cycle_names_the_circle(compile_text: Callable[..., Compilation]) -> None:
    (found,) = compile_text(HEAD + "include: a.yaml\n", a__yaml="include: b.yaml\n", b__yaml="include: a.yaml\n").report
    assert found.code == "include/cycle"
    assert "a.yaml -> b.yaml -> a.yaml" in found.message
    assert found.span.file.endswith("b.yaml")
    assert (found.span.line, found.span.column) == (1, 10)


def test_a_missing_include_points_at_its_name(compile_text: Callable[..., Compilation]) -> None:
    (found,) = compile_text(HEAD + "include: [gone.yaml]\n").report
    assert found.code == "file/missing"
    assert (found.span.line, found.span.column) == (3, 11)


def test_what_two_files_define_is_a_clash(compile_text: Callable[..., Compilation]) -> None:
    report = compile_text(HEAD + "include: [b.yaml]\n" + CHANNEL + WEB, b__yaml=WEB).report
    assert [d.code for d in report] == ["include/clash"]


def test_an_unknown_environment(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + WEB + "environments:\n  prod: {}\n"
    (found,) = compile_text(text, env="prd").report
    assert (found.code, found.help) == ("env/unknown", "did you mean `prod`?")


def test_a_mistake_in_an_overlay_points_into_the_overlay(compile_text: Callable[..., Compilation]) -> None:
    text = BASE + "alerting: {default: [mail]}\nenvironments:\n  prod: {alerting: {default: [mial]}}\n"
    assert [d.code for d in compile_text(text).report] == []
    (found,) = compile_text(text, env="prod").report
    assert (found.code, found.span.line) == ("spec/unknown-channel", 9)


@pytest.mark.parametrize(("written", "help_"), [
    ("99.9", "write `99.9%`"), ("0.999", "write `99.9%`"), ("100", "write `100%`"), ("2s", "write 5%"),
])  # fmt: skip
def test_an_objective_without_its_sign_is_offered_with_it(
    compile_text: Callable[..., Compilation], written: str, help_: str
) -> None:
    text = (
        HEAD + CHANNEL + WEB.replace("kind: http", f"kind: http, slos: {{a: {{signal: errors, objective: {written}}}}}")
    )
    (found,) = [d for d in compile_text(text).report if d.code == "units/mismatch"]
    assert found.help == help_


def test_an_objective_above_everything(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + WEB.replace("kind: http", "kind: http, slos: {a: {signal: errors, objective: 101%}}")
    (found,) = [d for d in compile_text(text).report if d.code == "slo/objective"]
    assert found.message == "no service is more than wholly good: 101%"


@pytest.mark.parametrize("address", ["http://am:9093", "am:9093/alerts"])
def test_an_alertmanager_is_a_host_and_a_port(compile_text: Callable[..., Compilation], address: str) -> None:
    text = HEAD + CHANNEL + WEB + f"alerting: {{alertmanagers: ['{address}']}}\n"
    assert [(d.code, d.span.line) for d in compile_text(text).report if d.severity.word == "error"] == [
        ("spec/value", text.count("\n"))
    ]


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_an_unreadable_spec_is_a_finding_for_the_command_too(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(HEAD)
    path.chmod(0)
    command = [sys.executable, "-m", "monitoring_kit", "check", str(path), "--format", "json"]
    if os.getuid() == 0:
        rights = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *command]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert [found["code"] for found in json.loads(done.stdout)["findings"]] == ["file/unreadable"]


def test_an_empty_name_is_no_output_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mkit.yaml").write_text(HEAD + CHANNEL + WEB)
    done = CliRunner().invoke(main, ["generate", "mkit.yaml", "-o", ""])
    assert done.exit_code == 2
    assert "the name is empty" in done.output
    assert [p.name for p in tmp_path.iterdir()] == ["mkit.yaml"]


def test_the_first_of_several_channels_is_told(compile_text: Callable[..., Compilation]) -> None:
    two = CHANNEL + "  chat: {kind: webhook, url: 'http://chat:1/'}\n"
    alert = "alerts: {Slow: {when: latency > 1s, severity: warning%s}}\n"
    # Those that mkit generates, such as ServiceDown, have no `notify` either.
    for told in (alert % "", alert % ", notify: chat", ""):
        (found,) = [d for d in compile_text(HEAD + two + WEB + told).report if d.code == "alerts/first-channel"]
        assert (
            found.message
            == "alerts without `notify`, such as those of packs, reach `mail` alone, the first of 2 channels"
        )
        assert found.span.line == 4
    for quiet in (
        two + WEB + "alerting: {default: [chat]}\n" + alert % "",
        CHANNEL + WEB + alert % "",
    ):
        assert "alerts/first-channel" not in [d.code for d in compile_text(HEAD + quiet).report]


@pytest.mark.parametrize(("expr", "help_"), [
    ("sum(rate(x[5m])", "expected an operator, , or )"),
    ("rat(x[5m]) > 1", "expected rate()"),
    ("x{status=500} > 1", 'expected label="value"'),
    ("x => 1", "expected >="),
    ("x <> 1", "expected !="),
    ("x > 1 && y > 1", "expected `and`"),
    ("rate(x) > 1", "expected a range vector"),
    ("x[5m] > 1", "expected a scalar or instant vector"),
])  # fmt: skip
def test_broken_promql_says_what_would_be_right(
    compile_text: Callable[..., Compilation], expr: str, help_: str
) -> None:
    text = BASE + f"alerts:\n  A: {{expr: '{expr}', severity: warning}}\n"
    (found,) = [d for d in compile_text(text).report if d.code == "promql/syntax"]
    assert (found.help, found.span.line) == (help_, 8)
