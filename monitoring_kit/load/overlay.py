"""Deep merge of one positioned tree over another: environment overlays and includes."""

from __future__ import annotations

from monitoring_kit.load.nodes import Entry, Mapping, Node, Scalar


def overlay(base: Mapping, over: Mapping) -> Mapping:
    """``base`` with the values of ``over``: mappings merge key by key, anything else is replaced, ``null`` removes.

    Every value keeps the position of the file it came from.
    """
    merged = dict(base.entries)
    for name, entry in over.entries.items():
        mine = merged.get(name)
        if isinstance(entry.value, Scalar) and entry.value.is_null:
            merged.pop(name, None)
        elif mine and isinstance(mine.value, Mapping) and isinstance(entry.value, Mapping):
            merged[name] = Entry(mine.key, overlay(mine.value, entry.value))
        else:
            merged[name] = Entry(entry.key, entry.value)
    return Mapping(merged, base.span)


def clashes(base: Node, over: Node, path: tuple[str, ...] = ()) -> list[tuple[Entry, Entry]]:
    """Pairs of entries that two included files both define, as (first, second)."""
    found: list[tuple[Entry, Entry]] = []
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        for name, entry in over.entries.items():
            mine = base.entries.get(name)
            if mine is None:
                continue
            if not path and isinstance(mine.value, Mapping) and isinstance(entry.value, Mapping):
                found += clashes(mine.value, entry.value, (name,))
            else:
                found.append((mine, entry))
    return found
