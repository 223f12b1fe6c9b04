"""What is in the checkout is in the wheel, and the layers hold."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# The stages from left to right: each may import itself, those before it, and the rooms that all share.
STAGES = ("load", "spec", "resolve", "lower", "checks", "emit", "verify", "write")
SHARED = {"diagnostics", "promql", "targets", "conventions", "rules", "dashboards", "frozen", "shipped"}
# Deliberate exceptions, each with its reason.
ALLOWED = {
    ("verify", "stack"),  # to find promtool and amtool
    ("write", "stack"),
}


def packages() -> set[str]:
    """Every package of the checkout under the name that it has in the wheel."""
    found = set()
    for top, name in (("monitoring_kit", "monitoring_kit"), ("rules", "monitoring_kit.rules"),
                      ("dashboards", "monitoring_kit.dashboards"), ("exporters", "monitoring_kit.exporters")):  # fmt: skip
        for init in (ROOT / top).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / top).parts
            found.add(".".join((name, *inner)))
    return found


def test_every_package_ships() -> None:
    assert packages() == set(PROJECT["tool"]["setuptools"]["packages"])


def test_the_core_needs_few_libraries() -> None:
    names = {d.split(">")[0] for d in PROJECT["project"]["dependencies"]}
    assert names == {"click", "PyYAML", "Jinja2", "requests", "prometheus-client"}


def imports(path: Path) -> set[str]:
    """The rooms of the package that a module imports, at its top or inside a function; not those for type checking only."""
    found = set()
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("monitoring_kit.")}
    return found


def test_no_stage_imports_one_to_its_right() -> None:
    wrong = []
    for position, stage in enumerate(STAGES):
        allowed = {*STAGES[: position + 1], *SHARED}
        for path in (ROOT / "monitoring_kit" / stage).rglob("*.py"):
            for room in imports(path) - allowed:
                if (stage, room) not in ALLOWED:
                    wrong.append(f"{path.relative_to(ROOT)} imports {room}")
    assert wrong == []


def test_the_shared_rooms_import_no_stage() -> None:
    wrong = []
    for room in ("diagnostics", "promql", "targets"):
        for path in (ROOT / "monitoring_kit" / room).rglob("*.py"):
            for other in imports(path) - SHARED:
                wrong.append(f"{path.relative_to(ROOT)} imports {other}")
    assert wrong == []


def test_the_core_never_imports_the_exporters() -> None:
    for path in (ROOT / "monitoring_kit").rglob("*.py"):
        if path.parent.name != "cli":
            assert "exporters" not in imports(path), path
