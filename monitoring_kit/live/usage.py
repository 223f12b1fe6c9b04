"""Find the PromQL expressions in rule files and dashboards on disk, each with where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_FILE_BYTES = 64 * 1024 * 1024


class UsageError(Exception):
    """A file is neither a rule file nor a dashboard; the message names it."""


@dataclass(frozen=True)
class Use:
    """One expression: the file, the rule's or panel's name, and the text. Panels may hold variables."""

    file: Path
    where: str
    expr: str
    variables: bool


def find_uses(path: Path) -> Iterator[Use]:
    """Every expression in a rule file, a PrometheusRule resource, a dashboard, or a folder of them.

    Raises UsageError for a file that cannot be read as such.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix in (".yml", ".yaml", ".json") and file.is_file():
                yield from find_uses(file)
        return
    data = _read(path)
    for document in data:
        if path.suffix == ".json" and isinstance(document, dict) and "groups" not in document:
            yield from _panels(path, document.get("dashboard", document), "")
        elif isinstance(document, dict):
            yield from _rules(path, document)


def _read(path: Path) -> list[Any]:
    import yaml

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return [json.loads(text)]
        return list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {' '.join(str(error).split())[:200]}") from error


def _rules(path: Path, document: dict[str, Any]) -> Iterator[Use]:
    spec = document.get("spec")
    groups = (spec if isinstance(spec, dict) else document).get("groups")
    for group in groups if isinstance(groups, list) else []:
        rules = group.get("rules") if isinstance(group, dict) else None
        for rule in rules if isinstance(rules, list) else []:
            if isinstance(rule, dict) and "expr" in rule:
                name = rule.get("alert") or rule.get("record") or "?"
                yield Use(path, f"{group.get('name', '?')}/{name}", str(rule["expr"]), False)


def _panels(path: Path, node: Any, title: str) -> Iterator[Use]:
    if isinstance(node, list):
        for item in node:
            yield from _panels(path, item, title)
        return
    if not isinstance(node, dict):
        return
    title = node["title"] if isinstance(node.get("title"), str) else title
    for key, value in node.items():
        if key == "expr" and isinstance(value, str) and value.strip():
            yield Use(path, title, value, True)
        elif isinstance(value, dict | list):
            yield from _panels(path, value, title)
