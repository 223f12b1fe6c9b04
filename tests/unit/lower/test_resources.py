"""Signals that are shares of `resources`: whoever asks for a share of a limit that nobody stated is told what is assumed."""

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


def findings(done: Compilation) -> list[Diagnostic]:
    return [d for d in done.report if d.code == "signals/no-limit"]


def test_shares_are_of_what_is_stated_and_the_page_says_what_is_assumed(compile_text: Compile) -> None:
    done = compile_text(BASE)
    assert done.model is not None
    assert [d.message for d in done.report] == [], "who asks for no such signal hears nothing"
    recorded = {(r.service, r.record): print_expr(r.expr) for r in done.model.recordings}
    assert recorded["sized", "service:cpu:ratio5m"].endswith("/ 2")
    assert recorded["sized", "service:memory:ratio"].endswith(f"/ {4 << 30}")
    assert recorded["bare", "service:cpu:ratio5m"].endswith("/ 1")
    assert recorded["half", "service:memory:ratio"].endswith(f"/ {1 << 30}")
    assumed = "Taken as shares of 1 core and 1 GiB, for the spec does not state the service's `resources`: "
    pages = {name: done.outputs[f"docs/services/{name}.md"].data.decode() for name in ("sized", "bare", "half")}
    assert f"{assumed}`cpu`, `memory`." in pages["bare"]
    assert f"{assumed}`cpu`." in pages["half"]
    assert assumed not in pages["sized"]


ASKED = [
    ("an alert", "alerts:\n  Busy: {services: [sized, bare], when: «cpu» > 80%, severity: warning}\n", "`cpu` of `bare` is", "1 core", "{cpu: 2}"),
    ("an alert on all", "alerts:\n  Busy: {when: «cpu» > 80%, severity: warning}\n", "`cpu` of `bare`, `half` is", "1 core", "{cpu: 2}"),
    ("its second condition", "alerts:\n  Busy: {services: [half], when: availability < 1% and «cpu» > 80%, severity: warning}\n", "`cpu` of `half` is", "1 core", "{cpu: 2}"),
    ("capacity", "alerts:\n  full: {capacity: [«memory»], severity: warning}\n", "`memory` of `bare` is", "1 GiB", "{memory: 1GiB}"),
    ("a panel", "dashboards:\n  board: {title: B, panels: [{title: Used, signal: «memory»}]}\n", "`memory` of `bare` is", "1 GiB", "{memory: 1GiB}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "what", "taken", "write"), [c[1:] for c in ASKED], ids=[c[0] for c in ASKED])
def test_who_asks_for_a_share_of_an_unstated_limit_is_told(
    compile_text: Compile, text: str, what: str, taken: str, write: str
) -> None:
    clean, place = marked(BASE + text)
    done = compile_text(clean)
    (found,) = findings(done)
    assert done.ok, "the spec still compiles in full"
    assert found.severity.word == "warning"
    assert f"{what} taken as a share of {taken}:" in found.message
    assert f"`resources: {write}`" in found.help
    assert place is not None
    assert (found.span.line, found.span.column) == place[:2]
    assert clean.splitlines()[found.notes[0].span.line - 1].strip().startswith(("bare:", "half:"))
    stated = "resources: {cpu: 1, memory: 1GiB}"
    mended = SERVICES.replace("['b:80']}", f"['b:80']}}, {stated}").replace("resources: {memory: 1GiB}", stated)
    assert [d.message for d in compile_text(clean.replace(SERVICES, mended)).report] == []


def test_many_services_are_counted_not_listed(compile_text: Compile) -> None:
    names = [f"s{i}" for i in range(5)]
    services = "services:\n" + "".join(f"  {n}: {{kind: http, scrape: {{targets: ['{n}:80']}}}}\n" for n in names)
    alert = "alerts:\n  Busy: {when: cpu > 80%, severity: warning}\n"
    (found,) = findings(compile_text(HEAD + CHANNEL + services + alert))
    assert "`s0`, `s1`, `s2` and 2 more is taken" in found.message
    assert len(found.notes) == 3
