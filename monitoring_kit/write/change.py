"""One difference in meaning between two trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.write.deep import Detail, deep

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` is what changed in the field's terms (alert, receiver, scrape job, panel ...), ``name`` which one."""

    kind: str
    name: str
    action: str
    file: str
    details: tuple[Detail, ...] = ()

    def plain(self) -> dict[str, Any]:
        body: dict[str, Any] = {"kind": self.kind, "name": self.name, "action": self.action, "file": self.file}
        if self.details:
            body["details"] = [d.plain() for d in self.details]
        return body


Describe = Callable[[Any, Any], list[Detail]]


def compare(
    kind: str,
    file: str | Callable[[str], str],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    describe: Describe = deep,
) -> list[Change]:
    """The changes between two sets of named objects. ``describe`` lists what differs in one that both have."""
    name_file = file if callable(file) else lambda name: file
    changes = []
    for name in [*before, *(n for n in after if n not in before)]:
        if name not in after:
            changes.append(Change(kind, name, REMOVED, name_file(name)))
        elif name not in before:
            changes.append(Change(kind, name, ADDED, name_file(name)))
        elif details := describe(before[name], after[name]):
            changes.append(Change(kind, name, CHANGED, name_file(name), tuple(details)))
    return changes


def numbered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Pairs as a mapping; a name that comes again gets ``#2``, ``#3`` ..."""
    made: dict[str, Any] = {}
    count: dict[str, int] = {}
    for name, value in pairs:
        count[name] = count.get(name, 0) + 1
        made[name if count[name] == 1 else f"{name} #{count[name]}"] = value
    return made
