"""What changes in rule files: alerts, recording rules and groups, wherever they stand."""

from __future__ import annotations

import re
from typing import Any

from monitoring_kit.write.change import Change, compare, numbered
from monitoring_kit.write.deep import Detail, deep, without

# Strings are passed over; a duration is a number with a unit; a number is not part of a name.
_LITERAL = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[a-zA-Z_:][a-zA-Z0-9_:]*)"""
    r"|((?:[0-9]+(?:ms|[smhdwy]))+)|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
)


def diff_rules(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Compare the rule files of two trees, given as path to data. Nothing of a rule is left out of the comparison."""
    one, two = _Rules(before), _Rules(after)
    files = {**one.files, **two.files}

    def file(name: str) -> str:
        return str(files.get(name, ""))

    return [
        *compare("alert", file, one.alerts, two.alerts, _describe),
        *compare("recording rule", file, one.records, two.records, _describe),
        *compare("rule group", file, one.groups, two.groups),
        *compare("rule file", lambda name: name, one.rest, two.rest),
    ]


class _Rules:
    """The rules of a tree by what identifies them to a person; each with its file and group beside it."""

    def __init__(self, tree: dict[str, Any]) -> None:
        alerts: list[tuple[str, Any]] = []
        records: list[tuple[str, Any]] = []
        groups: list[tuple[str, Any]] = []
        self.rest: dict[str, Any] = {}
        for path, data in tree.items():
            self.rest[path] = without(data, "groups")
            for group in data.get("groups") or ():
                name = str(group.get("name"))
                own = {k: v for k, v in group.items() if k not in ("name", "rules")}
                order = [_label(rule) for rule in group.get("rules") or ()]
                groups.append((name, {**own, "file": path, "rules": order}))
                for rule in group.get("rules") or ():
                    (alerts if "alert" in rule else records).append((_label(rule), {**rule, "group": name}))
        self.alerts, self.records, self.groups = numbered(alerts), numbered(records), numbered(groups)
        places = {name: value["file"] for name, value in self.groups.items()}
        self.files = {n: places.get(r["group"], "") for n, r in (*self.alerts.items(), *self.records.items())} | places


def _label(rule: dict[str, Any]) -> str:
    name = str(rule.get("alert") or rule.get("record"))
    service = (rule.get("labels") or {}).get("service")
    return f"{name} ({service})" if service else name


def _describe(before: dict[str, Any], after: dict[str, Any]) -> list[Detail]:
    details = []
    if before.get("expr") != after.get("expr"):
        details += expression_details(str(before.get("expr")), str(after.get("expr")))
    return details + deep(without(before, "expr"), without(after, "expr"))


def expression_details(before: str, after: str) -> list[Detail]:
    """Moved thresholds and windows where only numbers and durations differ; else the two expressions."""
    one, two = _parts(before), _parts(after)
    if [kind if kind else text for kind, text in one] != [kind if kind else text for kind, text in two]:
        return [Detail("expr", before, after)]
    pairs = zip(one, two, strict=True)
    moved = [Detail(kind, a, b) for (kind, a), (_, b) in pairs if kind and a != b]
    return moved or [Detail("expr", before, after)]


def _parts(text: str) -> list[tuple[str, str]]:
    """The expression cut into (kind, text): kind "window" or "threshold" for literals, "" for all else, white space aside."""
    parts: list[tuple[str, str]] = []
    end = 0
    for match in _LITERAL.finditer(text):
        parts.append(("", " ".join(text[end : match.start()].split())))
        kind = "window" if match[2] else "threshold" if match[3] else ""
        parts.append((kind, match[0]))
        end = match.end()
    parts.append(("", " ".join(text[end:].split())))
    return parts
