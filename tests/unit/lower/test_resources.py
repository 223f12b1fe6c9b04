"""Signals that are shares of `resources`: nothing is divided by a limit that nobody stated."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import print_expr
from tests.conftest import CHANNEL, HEAD, marked

Compile = Callable[..., Compilation]

SERVICES = """\
services:
  sized: {kind: http, scrape: {targets: ['a:80']}, resources: {cpu: 2, memory: 4GiB}}
  bare: {kind: http, scrape: {targets: ['b:80']}}
  half: {kind: ai-model, scrape: {targets: ['c:9642']}, resources: {memory: 1GiB}}
"""
BASE = HEAD + CHANNEL + SERVICES
ALERT = "alerts:\n  Busy: {when: cpu > 80%, severity: warning}\n"


def findings(done: Compilation) -> list[Diagnostic]:
    return [d for d in done.report if d.code == "signals/no-limit"]


def test_a_service_has_the_shares_that_it_states_the_limits_of(compile_text: Compile) -> None:
    done = compile_text(BASE)
    assert done.system is not None
    assert done.model is not None
    assert [d.message for d in done.report] == [], "who asks for no such signal hears nothing"
    have = {n: {"cpu", "memory"} & set(v.signals) for n, v in done.system.services.items()}
    assert have == {"sized": {"cpu", "memory"}, "bare": set(), "half": {"memory"}}
    recorded = {(r.service, r.record): print_expr(r.expr) for r in done.model.recordings}
    assert recorded["sized", "service:cpu:ratio5m"].endswith("/ 2")
    assert recorded["sized", "service:memory:ratio"].endswith(f"/ {4 << 30}")
    assert not {record for service, record in recorded if service == "bare" and ("cpu" in record or "memory" in record)}
    page = done.outputs["docs/services/bare.md"].data.decode()
    assert "Left out: `cpu`, `memory`, shares of what an instance may use" in page
    assert "Left out" not in done.outputs["docs/services/sized.md"].data.decode()
    assert "service:cpu:ratio5m" not in done.outputs["grafana/dashboards/service-bare.json"].data.decode()


REFUSED = [
    ("an alert", "alerts:\n  Busy: {services: [bare], when: «cpu» > 80%, severity: warning}\n", "`resources: {cpu: 2}`"),
    ("an alert among others", "alerts:\n  Busy: {services: [sized, bare], when: «cpu» > 80%, severity: warning}\n", "`resources: {cpu: 2}`"),
    ("its second condition", "alerts:\n  Busy: {services: [half], when: latency > 1s and «cpu» > 80%, severity: warning}\n", "`resources: {cpu: 2}`"),
    ("capacity", "alerts:\n  full: {capacity: [«memory»], services: [bare], severity: warning}\n", "`resources: {memory: 1GiB}`"),
    ("a panel", "dashboards:\n  board: {title: B, panels: [{title: Used, signal: «memory», services: [bare]}]}\n", "`resources: {memory: 1GiB}`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "help_"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_a_share_of_an_unstated_limit_is_refused_with_what_to_write(
    compile_text: Compile, text: str, help_: str
) -> None:
    clean, place = marked(BASE + text)
    (found,) = findings(compile_text(clean))
    assert found.severity.word == "error"
    assert "the spec does not say how much that is" in found.message
    assert help_ in found.help
    assert place is not None
    assert (found.span.line, found.span.column) == place[:2]
    assert clean.splitlines()[found.notes[0].span.line - 1].strip().startswith(("bare:", "half:"))


@pytest.mark.parametrize(
    ("text", "passed_over"),
    [
        (ALERT, "`bare`, `half`"),
        ("alerts:\n  full: {capacity: [memory], severity: warning}\n", "`bare`"),
        ("alerts:\n  full: {capacity: [memory], services: [sized, bare], severity: warning}\n", "`bare`"),
    ],
)
def test_an_alert_that_passes_a_service_over_says_so(compile_text: Compile, text: str, passed_over: str) -> None:
    done = compile_text(BASE + text)
    (found,) = findings(done)
    assert done.ok
    assert found.severity.word == "warning"
    assert f"a share of what {passed_over} may use" in found.message
    stated = "resources: {cpu: 1, memory: 1GiB}"
    mended = SERVICES.replace("['b:80']}", f"['b:80']}}, {stated}").replace("resources: {memory: 1GiB}", stated)
    assert [d.message for d in compile_text(HEAD + CHANNEL + mended + text).report] == []


def test_where_no_service_states_its_limits_an_alert_on_all_is_refused(compile_text: Compile) -> None:
    names = [f"s{i}" for i in range(5)]
    services = "services:\n" + "".join(f"  {n}: {{kind: http, scrape: {{targets: ['{n}:80']}}}}\n" for n in names)
    for text in (ALERT, "alerts:\n  full: {capacity: [memory], severity: warning}\n"):
        (found,) = findings(compile_text(HEAD + CHANNEL + services + text))
        assert found.severity.word == "error"
        assert "`s0`, `s1`, `s2` and 2 more may use" in found.message
