"""Every finding about Alertmanager has a page, whose wrong example gives it and whose right example does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring_kit import lower
from monitoring_kit.checks.codes import codes, page, summary_of
from monitoring_kit.pipeline import Compilation
from tests.unit.lower.alertmanager_tools import WEB, alertmanager, check_config

Compile = Callable[..., Compilation]
PAGES = [code for code in codes() if code.startswith("alertmanager/")]


def examples(code: str) -> tuple[str, str]:
    """The wrong and the right example of a page, as whole specs."""
    text = page(code)
    assert text is not None
    wrong, right = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    head = f"version: mkit/v1\nsystem: shop\n{WEB}"
    return head + wrong, head + right


@pytest.mark.parametrize("code", PAGES)
def test_the_wrong_example_gives_the_finding_and_the_right_one_none(
    compile_text: Compile, tmp_path: Path, code: str
) -> None:
    wrong, right = examples(code)
    assert code in {d.code for d in alertmanager(compile_text(wrong)).report}
    files = alertmanager(compile_text(right))
    assert files.found == []
    check_config(files, tmp_path)


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    folder = Path(lower.__file__).parent
    text = "".join(p.read_text(encoding="utf-8") for p in folder.glob("alertmanager*.py"))
    assert sorted(set(re.findall(r"\"(alertmanager/[a-z-]+)\"", text))) == PAGES


@pytest.mark.parametrize("code", PAGES)
def test_the_summary_is_one_sentence(code: str) -> None:
    summary = summary_of(code)
    assert summary is not None
    assert summary.endswith(".")
    assert len(summary) < 120
