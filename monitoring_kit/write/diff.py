"""The difference in meaning between the files that are there and those that a compilation gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
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
# The path of a detail that holds the changed lines of a page of text.
LINES = "lines"
_COLORS = {ADDED: "32", REMOVED: "31", CHANGED: "33"}


def difference(out: Path, previous: Manifest | None, outputs: Mapping[str, Output]) -> list[Change]:
    """What changes when ``outputs`` replace the files of the ``previous`` manifest in ``out``; foreign files are not looked at.

    Raises ``OSError`` for a file that is there but cannot be read.
    """
    before = {path: data for path in (previous.files if previous else {}) if (data := _read(out / path)) is not None}
    kinds = {path: output.kind for path, output in outputs.items()}
    return diff_trees(
        {p: _parse(p, d, kinds.get(p, "")) for p, d in before.items()},
        {p: _parse(p, o.data, o.kind) if o.kind == "text" else o.tree for p, o in outputs.items()},
    )


def diff_trees(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The changes between two trees of parsed files (path to data, or to text). Comments and layout mean nothing; every value does."""
    changes: list[Change] = []
    one, two = dict(before), dict(after)
    changes += _guarded(diff_rules, *(_take(tree, _is_rules) for tree in (one, two)))
    for path, compare_files in ((PROMETHEUS_YML, diff_prometheus), (ALERTMANAGER_YML, diff_alertmanager)):
        if isinstance(one.get(path), dict) and isinstance(two.get(path), dict):
            changes += _guarded(compare_files, path, one.pop(path), two.pop(path))
    changes += _guarded(diff_dashboards, *(_take(tree, is_dashboard) for tree in (one, two)))
    changes += compare("file", lambda path: path, one, two, _describe_file)
    told = {change.file for change in changes}
    # What the comparisons by meaning did not see is compared value by value.
    sides = [
        {p: v for p, v in tree.items() if p not in told and p not in one and p not in two} for tree in (before, after)
    ]
    return changes + compare("file", lambda path: path, sides[0], sides[1])


def _guarded(compare_files: Callable[..., list[Change]], *sides: Any) -> list[Change]:
    """Nothing where somebody edited a file into a shape that its server would refuse: it is then compared value by value."""
    try:
        return compare_files(*sides)
    except (AttributeError, KeyError, TypeError):
        return []


def render_changes(changes: Iterable[Change], *, color: bool = False) -> str:
    """The changes as text, one line each with its details below; says so when there are none."""
    lines = []
    for change in changes:
        sign = _SIGNS[change.action]
        line = clean(f"{sign} {change.kind} {change.name}")
        lines.append(f"\x1b[{_COLORS[change.action]}m{line}\x1b[0m" if color else line)
        lines += [f"    {clean(_in_short(detail))}" for detail in change.details]
    return "\n".join(lines or ["no change in meaning"]) + "\n"


def _in_short(detail: Detail) -> str:
    if detail.path != LINES:
        return detail.text()
    counts = [len(side.splitlines()) for side in (detail.before, detail.after)]
    return (
        f"{counts[0]} lines → {counts[1]} lines"
        if counts[0] != counts[1]
        else f"{counts[0]} line{'s' if counts[0] > 1 else ''} changed"
    )


def _take(tree: dict[str, Any], wanted: Any) -> dict[str, Any]:
    return {path: tree.pop(path) for path in list(tree) if wanted(path, tree[path])}


def _is_rules(path: str, data: Any) -> bool:
    return path.startswith(f"{RULES_FOLDER}/") and isinstance(data, dict)


def _describe_file(before: Any, after: Any) -> list[Detail]:
    if isinstance(before, str) and isinstance(after, str):
        if before == after:
            return []
        import difflib

        one, two = before.splitlines(), after.splitlines()
        if one == two:
            return []
        lines = list(difflib.unified_diff(one, two, lineterm="", n=0))[2:]
        gone = [line[1:] for line in lines if line.startswith("-")]
        come = [line[1:] for line in lines if line.startswith("+")]
        return [Detail(LINES, "\n".join(gone), "\n".join(come))]
    return deep(before, after)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def _parse(path: str, data: bytes, kind: str) -> Any:
    """YAML and JSON as data; anything else, and what somebody broke by hand, as text. ``kind`` is what is written there now, or
    "" for a file that goes away."""
    text = data.decode("utf-8", "replace")
    try:
        if kind == "json" or (not kind and path.endswith(".json") and path != MANIFEST):
            return json.loads(text)
        if kind == "yaml" or (not kind and path.endswith((".yml", ".yaml"))):
            import yaml

            return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except (ValueError, RecursionError):
        return text
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            return text
        raise
    return text
