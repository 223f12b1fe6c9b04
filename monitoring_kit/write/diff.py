"""The difference in meaning between the files that are there and those that a compilation gives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from monitoring_kit.conventions import ALERTMANAGER_YML, MANIFEST, PROMETHEUS_YML, RULES_FOLDER
from monitoring_kit.diagnostics.render import clean
from monitoring_kit.emit import Output
from monitoring_kit.write.change import ADDED, CHANGED, REMOVED, Change, compare
from monitoring_kit.write.deep import Detail, deep
from monitoring_kit.write.diff_dashboards import diff_dashboards, is_dashboard
from monitoring_kit.write.diff_delivery import diff_alertmanager
from monitoring_kit.write.diff_rules import diff_rules
from monitoring_kit.write.diff_scrape import diff_prometheus
from monitoring_kit.write.manifest import Manifest

_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}
_COLORS = {ADDED: "32", REMOVED: "31", CHANGED: "33"}


def difference(out: Path, previous: Manifest | None, outputs: Mapping[str, Output]) -> list[Change]:
    """What changes when ``outputs`` replace the files of the ``previous`` manifest in ``out``; foreign files are not looked at."""
    before = {path: data for path in (previous.files if previous else {}) if (data := _read(out / path)) is not None}
    return diff_trees({p: _parse(p, d) for p, d in before.items()}, {p: _parsed(p, o) for p, o in outputs.items()})


def diff_trees(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The changes between two trees of parsed files (path to data, or to text). Comments and layout mean nothing; every value does."""
    changes: list[Change] = []
    one, two = dict(before), dict(after)
    changes += diff_rules(*(_take(tree, _is_rules) for tree in (one, two)))
    for path, compare_files in ((PROMETHEUS_YML, diff_prometheus), (ALERTMANAGER_YML, diff_alertmanager)):
        if isinstance(one.get(path), dict) and isinstance(two.get(path), dict):
            changes += compare_files(path, one.pop(path), two.pop(path))
    changes += diff_dashboards(*(_take(tree, is_dashboard) for tree in (one, two)))
    changes += compare("file", lambda path: path, one, two, _describe_file)
    return changes


def render_changes(changes: Iterable[Change], *, color: bool = False) -> str:
    """The changes as text, one line each with its details below; says so when there are none."""
    lines = []
    for change in changes:
        sign = _SIGNS[change.action]
        line = clean(f"{sign} {change.kind} {change.name}")
        lines.append(f"\x1b[{_COLORS[change.action]}m{line}\x1b[0m" if color else line)
        lines += [f"    {clean(detail.text())}" for detail in change.details]
    return "\n".join(lines or ["no change in meaning"]) + "\n"


def _take(tree: dict[str, Any], wanted: Any) -> dict[str, Any]:
    return {path: tree.pop(path) for path in list(tree) if wanted(path, tree[path])}


def _is_rules(path: str, data: Any) -> bool:
    return path.startswith(f"{RULES_FOLDER}/") and isinstance(data, dict)


def _describe_file(before: Any, after: Any) -> list[Detail]:
    if isinstance(before, str) and isinstance(after, str):
        if before == after:
            return []
        import difflib

        lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
        gone = [line[1:] for line in lines if line.startswith("-")]
        come = [line[1:] for line in lines if line.startswith("+")]
        return [Detail("lines", "\n".join(gone), "\n".join(come))]
    return deep(before, after)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def _parsed(path: str, output: Output) -> Any:
    return output.tree if output.kind != "text" else _parse(path, output.data)


def _parse(path: str, data: bytes) -> Any:
    """YAML and JSON as data; anything else, and what somebody broke by hand, as text."""
    text = data.decode("utf-8", "replace")
    try:
        if path.endswith(".json") and path != MANIFEST:
            return json.loads(text)
        if path.endswith((".yml", ".yaml")):
            import yaml

            return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except (ValueError, RecursionError):
        return text
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            return text
        raise
    return text
