"""The pages of scenarios were made from the rules and samples of today; that they are right is for the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from monitoring_kit.live.simulate.page import fingerprint
from monitoring_kit.live.simulate.scenario import library
from monitoring_kit.pipeline import Compilation
from tests.conftest import CHANNEL, HEAD
from tests.history import page, scenarios

SPEC = f"""{HEAD}{CHANNEL}services:
  web: {{kind: http, scrape: {{targets: ['web:80']}}}}
alerts:
  Errors: {{services: [web], when: errors > 5%, for: 5m, severity: critical}}
"""


def test_the_committed_pages_are_of_today() -> None:
    assert page.stale() == []


def test_what_is_stale_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(scenarios.CHANGES, "half", lambda x: x / 3)
    assert page.main(["--check"]) == 1
    assert capsys.readouterr().err == "not up to date, run `make scenarios`: anomaly-and-capacity.md\n"


@pytest.mark.parametrize(
    "change", [("5%", "6%"), (">", ">="), ("for: 5m", "for: 6m"), ("critical", "warning"), ("web", "www")]
)
def test_another_rule_is_another_fingerprint(change: tuple[str, str], compile_text: Callable[..., Compilation]) -> None:
    first, other = (compile_text(text).model for text in (SPEC, SPEC.replace(*change)))
    assert first is not None
    assert other is not None
    known = list(library().values())
    assert fingerprint(first, known) == fingerprint(first, known)
    assert fingerprint(first, known) != fingerprint(other, known)


def test_another_scenario_is_another_fingerprint(compile_text: Callable[..., Compilation]) -> None:
    model = compile_text(SPEC).model
    assert model is not None
    known = list(library().values())
    longer = [replace(known[0], incident=known[0].incident + 60), *known[1:]]
    assert fingerprint(model, known) != fingerprint(model, longer)
