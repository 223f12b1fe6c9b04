"""Every code that mkit can report has a page, and every page is of a code."""

from __future__ import annotations

import ast
from pathlib import Path

import monitoring_kit
from monitoring_kit.checks.codes import codes, page, summary_of
from monitoring_kit.checks.registry import all_codes

ROOT = Path(monitoring_kit.__file__).parent
REPORTING = {"error", "warning", "info", "wrong", "Diagnostic", "_stop", "_wrong"}
# Composed at run time, from the tool's name or from what is unknown.
COMPOSED = {
    "anomaly/retention",
    "capacity/retention",
    "verify/promtool",
    "verify/amtool",
    "spec/unknown-service",
    "spec/unknown-channel",
    "prometheus/unknown-flag",
    "prometheus/unknown-feature",
}


def reported() -> dict[str, str]:
    """Code to the place that reports it: literal first arguments of reporting calls, and ``code=`` defaults and arguments."""
    found: dict[str, str] = dict.fromkeys(COMPOSED, "verify") | dict.fromkeys(all_codes(), "checks/registry.py")
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            texts: list[ast.expr] = []
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                texts = [a for a in node.args[:2] if name in REPORTING] + [
                    k.value for k in node.keywords if k.arg == "code"
                ]
            elif (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_CODE") or (
                isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "code" and node.value
            ):
                texts = [node.value]
            for text in texts:
                if isinstance(text, ast.Constant) and isinstance(text.value, str) and _is_code(text.value):
                    found[text.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def _is_code(text: str) -> bool:
    parts = text.split("/")
    return len(parts) == 2 and all(part.replace("-", "").isalnum() and part.islower() for part in parts)


def test_every_code_has_a_page() -> None:
    known = set(codes())
    assert {code: place for code, place in reported().items() if code not in known} == {}


def test_every_page_has_a_title_and_a_sentence() -> None:
    assert len(codes()) > 50
    for code in codes():
        text = page(code) or ""
        assert text.startswith(f"# {code}\n\n")
        assert (summary_of(code) or "").endswith(".")


def literals() -> set[str]:
    """Every text in the package that has the form of a code, wherever it stands."""
    return {
        node.value
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_code(node.value)
    }


def test_no_page_is_left_without_its_code() -> None:
    assert sorted(set(codes()) - set(reported()) - literals()) == []


def test_an_unknown_code_has_no_page() -> None:
    assert page("no/such") is None
    assert page("../codes") is None
    assert page("spec") is None
