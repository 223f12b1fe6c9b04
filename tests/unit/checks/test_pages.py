"""Every check has a page, and the page's examples do what it says: the bad one is found, the fixed one is silent."""

from __future__ import annotations

import re

import pytest

from monitoring_kit.checks.codes import page, summary_of
from monitoring_kit.checks.registry import all_codes, checks, group_checks
from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import Checked, check_alert, check_panel, check_text

_BLOCK = re.compile(r"```(promql|yaml)\n(.*?)```", re.S)


def checked(language: str, text: str) -> Checked:
    if language == "promql":
        return check_alert(text.strip())
    if text.startswith("- {title"):
        return check_text(
            "dashboards:\n  main:\n    title: Main\n    panels:\n"
            + "".join(f"      {line}\n" for line in text.splitlines())
        )
    return check_text(text)


@pytest.mark.parametrize("code", sorted(all_codes()))
def test_the_examples_of_the_page(code: str) -> None:
    text = page(code)
    assert text is not None
    assert summary_of(code)
    examples = _BLOCK.findall(text)
    if "```rules" in text:
        return  # of whole rule files: tests/unit/lint/test_rule_pages.py
    assert len(examples) == 2
    if code == "promql/infinite":
        # Only of recorded series where InfluxDB stores them.
        bad, fixed = (check_expr(text.strip(), declared(finite=True), use="record").codes() for _, text in examples)
        assert code in bad
        assert code not in fixed
        return
    assert code in checked(*examples[0]).codes()
    assert code not in checked(*examples[1]).codes()


def test_every_module_holds_one_check_of_its_own_name() -> None:
    for check in (*checks(), *group_checks()):
        module = check.run.__module__
        assert module.endswith(check.code.replace("/", ".").replace("-", "_")), module


def test_a_panel_is_checked_with_grafanas_variables() -> None:
    assert check_panel("sum by (method) (rate(http_requests_total[$__rate_interval]))").codes() == []
    assert "promql/rate-on-gauge" in check_panel("rate(queue_depth[$__rate_interval])").codes()
    assert check_panel('rate(http_requests_total{service="$service"}[5m])').codes() == ["dashboards/fixed-range"]
