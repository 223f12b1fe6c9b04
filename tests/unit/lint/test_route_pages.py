"""Every check of routes has a page whose bad example it finds and whose fixed example is silent."""

from __future__ import annotations

import re

import pytest

from monitoring_kit.checks.codes import page, summary_of
from monitoring_kit.checks.routing.check import route_checks
from tests.unit.lint.lint_text import codes, lint_routes

CODES = [*(check.code for check in route_checks()), "routes/invalid"]


@pytest.mark.parametrize("code", CODES)
def test_the_examples_of_the_page(code: str) -> None:
    text = page(code)
    assert text is not None
    assert summary_of(code)
    bad, good = re.findall(r"```yaml\n(.*?)```", text, re.S)
    assert code in codes(lint_routes(bad))
    assert codes(lint_routes(good)).count(code) == 0


def test_every_module_holds_one_check_of_its_own_name() -> None:
    for check in route_checks():
        assert check.run.__module__ == f"monitoring_kit.checks.{check.code.replace('/', '.').replace('-', '_')}"
