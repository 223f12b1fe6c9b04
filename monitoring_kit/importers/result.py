"""What an import gives: services with objectives, the metrics that they read, and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 4 * 1024 * 1024
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ImportFailedError(Exception):
    """A file that cannot be imported at all; the text says why."""


@dataclass
class Imported:
    """Objectives by service and name, as plain data of our spec; ``queries`` are all PromQL texts with ``$window``."""

    services: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    queries: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, service: str, name: str, slo: dict[str, Any]) -> None:
        """Put an objective in; a name that is taken already is noted and left out."""
        mine = self.services.setdefault(service, {})
        if name in mine:
            self.note(service, name, "there are two of this name; the first one is kept")
            return
        mine[name] = {k: v for k, v in slo.items() if v not in (None, "", {}, [])}
        asked = (slo.get(key) for key in ("total", "bad", "good", "error_ratio"))
        self.queries.setdefault(service, []).extend(str(query) for query in asked if query)

    def note(self, service: str, name: str, text: str) -> None:
        """Something that has no counterpart."""
        self.notes.append(f"{service}/{name}: {text}" if name else f"{service}: {text}")


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The YAML documents of a file that are mappings. Raises ImportFailedError for what cannot be read as YAML."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImportFailedError(f"{path}: larger than {MAX_BYTES // 1024 // 1024} MiB")
        text = path.read_text(encoding="utf-8")
        found = list(yaml.load_all(text, _LOADER))
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFailedError(f"{path}: {getattr(error, 'strerror', None) or 'is no UTF-8 text'}") from error
    except yaml.YAMLError as error:
        raise ImportFailedError(f"{path}: no YAML: {' '.join(str(error).split())[:300]}") from error
    except RecursionError as error:
        raise ImportFailedError(f"{path}: nested too deeply") from error
    for document in found:
        if isinstance(document, dict):
            yield document
        elif document is not None:
            raise ImportFailedError(f"{path}: a document that is no mapping")


def mapping(value: Any) -> dict[str, Any]:
    """``value`` when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[dict[str, Any]]:
    """The mappings of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def spec_name(text: Any) -> str:
    """``text`` as a name of our spec."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", str(text)).strip("-.")[:63]
    return name if re.match(r"[A-Za-z_]", name) else f"slo-{name}"[:63]


def percent(value: Any) -> str | None:
    """A number of percent as ``99.9%``; None when it is no number."""
    try:
        return f"{float(value):.12g}%"
    except (TypeError, ValueError):
        return None
