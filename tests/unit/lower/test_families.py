"""Anomaly, capacity and degradation entries: what they compile to, and every mistake in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring_kit.lower.model import AlertingRule
from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import print_expr
from tests.conftest import CHANNEL, HEAD, marked

Compile = Callable[..., Compilation]

SERVICES = """\
services:
  host: {kind: node, scrape: {targets: ['host:9100']}}
  web: {kind: http, scrape: {targets: ['web:80']}, resources: {cpu: 1, memory: 1GiB}}
  model: {kind: ai-model, scrape: {targets: ['model:9642']}, resources: {cpu: 1, memory: 1GiB}}
  prom: {kind: prometheus, scrape: {targets: ['prom:9090']}}
"""
BASE = HEAD + CHANNEL + SERVICES + "alerts:\n"


def alerts(done: Compilation, *names: str) -> dict[tuple[str, str | None, str], AlertingRule]:
    assert done.ok, [d.message for d in done.report]
    assert done.model is not None
    return {(r.name, r.service, r.labels.get("signal", "")): r for r in done.model.alerts if r.name in names}


def test_the_short_form_is_the_long_one(compile_text: Compile) -> None:
    for short, long in (
        ("{signals: [traffic], severity: warning}", "{anomaly: {signals: [traffic]}, severity: warning}"),
        (
            "{signals: [memory, disk], horizon: 7d, severity: warning}",
            "{capacity: {signals: [memory, disk], horizon: 7d}, severity: warning}",
        ),
    ):
        texts = []
        for entry in (short, long):
            done = compile_text(BASE + f"  x: {entry}\n")
            found = alerts(done, "x", "xZero")
            assert done.model is not None
            texts.append(
                {k: print_expr(r.expr) for k, r in found.items()}
                | {r.record: print_expr(r.expr) for r in done.model.recordings}
            )
        assert texts[0] == texts[1]


def test_every_service_that_has_the_signal_is_watched(compile_text: Compile) -> None:
    found = alerts(compile_text(BASE + "  c: {capacity: [memory, disk], severity: warning}\n"), "c")
    assert set(found) == {
        ("c", "host", "memory"),
        ("c", "host", "disk"),
        ("c", "web", "memory"),
        ("c", "model", "memory"),
    }
    rule = found["c", "host", "disk"]
    assert rule.kind == "capacity"
    assert rule.for_.seconds == 3600
    # rules/detection/capacity.yaml gives disks a higher hard limit than other shares.
    assert "> 0.95" in print_expr(rule.expr)
    assert "> 0.9 " in print_expr(found["c", "web", "memory"].expr)


def test_history_is_evaluated_in_a_group_of_its_own(compile_text: Compile) -> None:
    done = compile_text(BASE + "  c: {capacity: disk, severity: warning}\n  a: {anomaly: traffic, severity: warning}\n")
    assert done.model is not None
    groups = {g.name: g for g in done.model.groups}
    assert set(groups) >= {"service-host", "history-host", "history-web", "history-model"}
    for name, group in groups.items():
        assert (str(group.interval) == "5m") == name.startswith("history-")
    # Tiles first, then what reads them, then the alerts: an alert never reads the evaluation before.
    kinds = [isinstance(rule, AlertingRule) for rule in groups["history-host"].rules]
    assert kinds == sorted(kinds)


def test_two_entries_share_their_recordings(compile_text: Compile) -> None:
    done = compile_text(
        BASE
        + "  a: {anomaly: {signals: traffic, sensitivity: 4}, severity: warning}\n  b: {anomaly: {signals: traffic, sensitivity: 8}, severity: critical}\n"
    )
    found = alerts(done, "a", "b")
    assert done.model is not None
    names = [(r.service, r.record) for r in done.model.recordings]
    assert len(names) == len(set(names))
    assert print_expr(found["a", "web", "traffic"].expr).replace("> 4 *", "> 8 *") == print_expr(
        found["b", "web", "traffic"].expr
    )


@pytest.mark.parametrize(("retention", "seasons"), [("8d", 1), ("15d", 2), ("22d", 3), ("1y", 3)])
def test_as_many_seasons_as_are_kept(compile_text: Compile, retention: str, seasons: int) -> None:
    text = f"{BASE}  a: {{anomaly: traffic, services: web, severity: warning}}\nprometheus: {{retention: {{time: {retention}}}}}\n"
    done = compile_text(text)
    assert done.ok
    assert done.model is not None
    prediction = next(print_expr(r.expr) for r in done.model.recordings if r.record.endswith(":prediction"))
    assert prediction.count("label_replace") == (seasons if seasons > 1 else 0)
    # Nothing asks for what is no longer there.
    assert not [d for d in done.report if d.code == "promql/beyond-retention"]


def test_direction(compile_text: Compile) -> None:
    """Only what is worse is told, where a signal has a bad direction."""
    found = alerts(
        compile_text(BASE + "  a: {anomaly: [latency, traffic, accuracy], severity: warning}\n"), "a", "aZero"
    )
    assert print_expr(found["a", "web", "latency(p95)"].expr).startswith("service:latency:p95_5m:residual")
    assert print_expr(found["a", "web", "traffic"].expr).startswith("abs(")
    assert print_expr(found["a", "model", "accuracy"].expr).startswith("-1 * ")
    # Silence of a latency is not a latency of zero.
    assert "> 0" not in print_expr(found["aZero", "web", "latency(p95)"].expr).partition("unless")[2]


def test_limits_in_the_signals_unit(compile_text: Compile) -> None:
    entry = "{signals: [series, memory], limits: {series: {soft: 1500000, hard: 2000000}, memory: {soft: 70%}}}"
    found = alerts(compile_text(BASE + f"  c: {{capacity: {entry}, severity: warning}}\n"), "c", "cSoftLimit")
    assert "> 2000000" in print_expr(found["c", "prom", "series"].expr)
    assert print_expr(found["cSoftLimit", "prom", "series"].expr).endswith("> 1500000")
    assert print_expr(found["cSoftLimit", "web", "memory"].expr).endswith("> 0.7")


def test_versions_by_a_label_of_the_users(compile_text: Compile) -> None:
    metrics = "metrics:\n  http_requests_total: {type: counter, help: Requests., labels: {release: {max: 4}, status: {}}, services: [web]}\n"
    done = compile_text(
        BASE
        + "  w: {degradation: {signals: errors, label: release, window: 10m}, services: web, severity: warning}\n"
        + metrics
    )
    rule = alerts(done, "w")["w", "web", "errors"]
    assert done.model is not None
    record = next(r for r in done.model.recordings if r.record == "service_release:errors:ratio_rate10m")
    assert "sum by (service, release)" in print_expr(record.expr)
    assert "on (service) group_left" in print_expr(rule.expr)
    assert "{{ $labels.release }}" in rule.annotations["summary"]


# name, entry with the place of the finding marked, code, part of the message, part of the help
MISTAKES = [
    ("unknown signal", "  a: {anomaly: [«trafic»], severity: warning}", "spec/unknown-signal", "no signal `trafic`", "did you mean `traffic`"),
    ("a signal of another service", "  a: {anomaly: [«accuracy»], services: web, severity: warning}", "spec/unknown-signal", "`accuracy`", ""),
    ("two kinds", "  a: {anomaly: traffic, «capacity»: disk, severity: warning}", "spec/one-of", "exactly one of", ""),
    ("no signals", "  a: {anomaly: «[]», severity: warning}", "spec/value", "", ""),
    ("nothing that runs out", "  c: {capacity: [«traffic»], services: web, severity: warning}", "capacity/signal", "nothing that runs out", "`memory`"),
    ("a horizon of hours", "  c: {capacity: {signals: disk, horizon: «4h»}, severity: warning}", "capacity/horizon", "4h", "threshold"),
    ("a horizon alone", "  c: {when: errors > 5%, horizon: «14d», severity: warning}", "capacity/horizon", "belongs to", "capacity:"),
    ("no limit", "  c: {capacity: [«series»], severity: warning}", "capacity/limit", "how much `series`", "limits: {series"),
    ("a limit of another unit", "  c: {capacity: {signals: disk, limits: {disk: {hard: «5s»}}}, severity: warning}", "units/mismatch", "`5s`", "disk"),
    ("soft above hard", "  c: {capacity: {signals: disk, limits: {disk: {soft: «99%», hard: 90%}}}, severity: warning}", "capacity/limit", "above the hard", ""),
    ("a limit of nothing", "  c: {capacity: {signals: disk, limits: {«memory»: {hard: 90%}}}, severity: warning}", "capacity/limit", "not among", ""),
    ("the label signal", "  a: {anomaly: traffic, severity: warning, labels: {signal: x}}", "alerts/duplicate", "label `signal`", ""),
    ("no bad direction", "  w: {degradation: «traffic», services: web, severity: warning}", "degradation/signal", "neither better nor worse", "anomaly"),
    ("no version", "  w: {degradation: «latency», services: web, severity: warning}", "degradation/label", "has no label `version`", "label:"),
    ("a short memory", "  w: {degradation: {signals: latency, memory: «40m»}, services: model, severity: warning}", "degradation/memory", "30m", "2h"),
    ("not worse", "  w: {degradation: {signals: latency, worse: «0%»}, services: model, severity: warning}", "spec/value", "0%", "20%"),
    ("an odd season", "  a: {anomaly: {signals: traffic, season: «2w»}, severity: warning}", "spec/value", "2w", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "code", "message", "help_"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_mistakes(compile_text: Compile, entry: str, code: str, message: str, help_: str) -> None:
    text, where = marked(f"{BASE}{entry}\n")
    found = [d for d in compile_text(text).report if d.code == code]
    assert found, code
    assert message in found[0].message
    assert help_ in (found[0].help or "")
    if where is not None:
        assert (found[0].span.line, found[0].span.column) == where[:2]


def test_equal_label_sets_are_refused(compile_text: Compile) -> None:
    """The predictions of several seasons are told apart by a label; taking it away again must not leave two series alike, which
    fails the rule for every series of the service."""
    pack = (
        "kind: own\ntitle: Own\ndescription: x\nmetrics:\n  load: {type: gauge, help: x, labels: {mkit_seasons_ago: {}}}\nsignals:\n"
        "  load: {title: Load, description: x, unit: number, bad: high, by: [mkit_seasons_ago],"
        ' expr: "sum by (service, mkit_seasons_ago) (load)", operation: sum}\n'
    )
    text = (
        HEAD + CHANNEL + "packs: [own.yaml]\n"
        "services:\n  it: {kind: own, scrape: {targets: ['it:80']}}\n"
        "alerts:\n  a: {anomaly: [load], severity: warning}\n"
    )
    found = [d for d in compile_text(text, own__yaml=pack).report if d.severity.word == "error"]
    assert [d.code for d in found] == ["anomaly/label"], [d.message for d in found]


def test_too_little_history_is_kept(compile_text: Compile) -> None:
    for entry, code in (
        ("{anomaly: traffic, severity: warning}", "anomaly/retention"),
        ("{capacity: disk, severity: warning}", "capacity/retention"),
    ):
        done = compile_text(f"{BASE}  x: {entry}\nprometheus: {{retention: {{time: 5d}}}}\n")
        assert [d.code for d in done.report if d.code.endswith("/retention")] == [code]
    assert compile_text(
        f"{BASE}  x: {{anomaly: {{signals: traffic, season: 1d}}, severity: warning}}\nprometheus: {{retention: {{time: 5d}}}}\n"
    ).ok


def test_two_hard_limits_of_one_resource(compile_text: Compile) -> None:
    done = compile_text(
        BASE
        + "".join(
            f"  c{n}: {{capacity: {{signals: disk, limits: {{disk: {{hard: {n}%}}}}}}, severity: warning}}\n"
            for n in (90, 95)
        )
    )
    assert [d.code for d in done.report if d.severity.word == "error"] == ["capacity/limit"]


def test_a_signal_of_no_service_yet(compile_text: Compile) -> None:
    done = compile_text(
        HEAD
        + CHANNEL
        + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, resources: {cpu: 1, memory: 1GiB}}\nalerts:\n  c: {capacity: [memory, disk], severity: warning}\n"
    )
    assert done.ok
    assert [d.message for d in done.report if d.code == "signals/nowhere"] == [
        "`c` watches `disk`, which no service of this system has"
    ]
