"""What changes in Alertmanager's configuration: receivers, routes, inhibition, quiet hours."""

from __future__ import annotations

import json
from typing import Any

from monitoring_kit.write.change import CHANGED, Change, compare, numbered
from monitoring_kit.write.deep import Detail, without

_NAMED = ("receivers", "route", "inhibit_rules", "time_intervals", "mute_time_intervals")


def diff_alertmanager(path: str, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Compare two alertmanager.yml."""
    one, two = _routes(before), _routes(after)
    changes = [
        *compare("receiver", path, _by_name(before, "receivers"), _by_name(after, "receivers")),
        *compare("route", path, one, two),
    ]
    kept = [[name for name in mine if name in other] for mine, other in ((one, two), (two, one))]
    if kept[0] != kept[1]:
        # The first route that matches wins: their order is meaning.
        changes.append(Change("route", "order", CHANGED, path, (Detail("order", kept[0], kept[1]),)))
    changes += compare("inhibition", path, _inhibitions(before), _inhibitions(after))
    for key in ("time_intervals", "mute_time_intervals"):
        changes += compare("time interval", path, _by_name(before, key), _by_name(after, key))
    return changes + compare("alertmanager setting", path, without(before, *_NAMED), without(after, *_NAMED))


def _by_name(config: dict[str, Any], key: str) -> dict[str, Any]:
    return numbered([(str(item.get("name")), item) for item in config.get(key) or ()])


def _routes(config: dict[str, Any]) -> dict[str, Any]:
    """Each route, without those below it, by the matchers on the way to it."""
    found: list[tuple[str, Any]] = []

    def walk(route: dict[str, Any], above: str) -> None:
        conditions = [*map(str, route.get("matchers") or ())]
        conditions += [f"{k}={v}" for k, v in (route.get("match") or {}).items()]
        conditions += [f"{k}=~{v}" for k, v in (route.get("match_re") or {}).items()]
        own = ", ".join(conditions) or ("default" if not above else "any")
        name = f"{above} > {own}" if above and above != "default" else own
        found.append((name, {k: v for k, v in route.items() if k != "routes"}))
        for child in route.get("routes") or ():
            walk(child, name)

    if isinstance(config.get("route"), dict):
        walk(config["route"], "")
    return numbered(found)


def _inhibitions(config: dict[str, Any]) -> dict[str, Any]:
    pairs = []
    for rule in config.get("inhibit_rules") or ():
        source, target = (
            ", ".join(map(str, rule.get(k) or [json.dumps(rule, sort_keys=True)]))
            for k in ("source_matchers", "target_matchers")
        )
        pairs.append((f"{source} over {target}", rule))
    return numbered(pairs)
