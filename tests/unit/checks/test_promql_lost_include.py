"""promql/lost-include: `group_left(label)` copies a label that the other side does not have."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_built, check_expr, declared
from tests.unit.checks.world_text import check_alert

CODE = "promql/lost-include"
BAD = "queue_depth * on (job, instance) group_left (region) build_info > 1"
GOOD_EXPR = "queue_depth * on (job, instance) group_left (version) build_info > 1"
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "region"
    assert "did you mean `version`?" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "region"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


def test_the_one_side_is_the_other_one_of_group_right() -> None:
    found = check_expr("build_info * on (instance) group_right (queue) queue_depth > 1", declared())
    assert found.marked(CODE) == "queue"
    assert (
        CODE not in check_expr("build_info * on (instance) group_right (version) queue_depth > 1", declared()).codes()
    )


def test_found_in_a_tree_that_was_built() -> None:
    assert (
        "`team`"
        in check_built("queue_depth * on (instance) group_left (team) build_info > 1", declared()).one(CODE).message
    )
