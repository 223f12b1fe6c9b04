"""What changes in Grafana dashboards: dashboards, panels and queries."""

from __future__ import annotations

from typing import Any

from monitoring_kit.write.change import Change, compare, numbered
from monitoring_kit.write.deep import Detail, deep, without


def is_dashboard(path: str, data: Any) -> bool:
    return path.endswith(".json") and isinstance(data, dict) and "panels" in data


def diff_dashboards(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Compare the dashboards of two trees, given as path to data; a dashboard is known by its uid, a panel by its id."""
    one, two = _by_uid(before), _by_uid(after)
    files = {uid: path for tree in (one, two) for uid, (path, _) in tree.items()}
    changes = compare(
        "dashboard",
        lambda uid: files[uid],
        {u: _frame(p, d) for u, (p, d) in one.items()},
        {u: _frame(p, d) for u, (p, d) in two.items()},
    )
    for uid in (u for u in one if u in two):
        changes += compare("panel", files[uid], _panels(one[uid][1]), _panels(two[uid][1]), _describe_panel)
    return changes


def _by_uid(tree: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    return numbered([(str(data.get("uid") or path), (path, data)) for path, data in tree.items()])


def _frame(path: str, data: dict[str, Any]) -> dict[str, Any]:
    """A dashboard without its panels."""
    return {**{k: v for k, v in data.items() if k != "panels"}, "file": path}


def _panels(data: dict[str, Any]) -> dict[str, Any]:
    found: list[tuple[str, Any]] = []

    def walk(panels: Any) -> None:
        for panel in panels or ():
            own = {k: v for k, v in panel.items() if k != "panels"} if panel.get("type") == "row" else panel
            found.append((f"{data.get('title')} / {panel.get('title') or panel.get('type')} [{panel.get('id')}]", own))
            if panel.get("type") == "row":
                walk(panel.get("panels"))

    walk(data["panels"])
    return numbered(found)


def _describe_panel(before: dict[str, Any], after: dict[str, Any]) -> list[Detail]:
    queries = [numbered([(str(q.get("refId")), q) for q in p.get("targets") or ()]) for p in (before, after)]
    return deep(queries[0], queries[1], "query") + deep(without(before, "targets"), without(after, "targets"))
