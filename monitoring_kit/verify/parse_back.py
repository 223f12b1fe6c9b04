"""Read every emitted file again, with another program than wrote it, and compare with the tree it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monitoring_kit.diagnostics import InternalError
from monitoring_kit.emit import Output


def parse_back(outputs: Mapping[str, Output]) -> None:
    """Raise ``InternalError`` for a YAML or JSON output that does not read back as its tree, value by value and type by type."""
    for path, output in outputs.items():
        if output.kind == "text":
            continue
        found = _difference(output.tree, _read(path, output), "")
        if found is not None:
            raise InternalError(f"{path} does not read back as it was meant{found}")


def _read(path: str, output: Output) -> Any:
    if output.kind == "json":
        return json.loads(output.data)
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(output.data, Loader=loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise InternalError(f"{path} is not YAML: {error}") from error


def _difference(meant: Any, found: Any, where: str) -> str | None:
    """Where the two differ, as ``" at /a/0/b"``; None when they are the same."""
    if isinstance(meant, dict):
        if not isinstance(found, dict) or list(meant) != list(found):
            return f" at {where or '/'}"
        pairs = [(f"{where}/{k}", v, found[k]) for k, v in meant.items()]
    elif isinstance(meant, (list, tuple)):
        if not isinstance(found, list) or len(meant) != len(found):
            return f" at {where or '/'}"
        pairs = [(f"{where}/{n}", v, found[n]) for n, v in enumerate(meant)]
    elif isinstance(meant, str):
        return None if isinstance(found, str) and meant == found else f" at {where or '/'}"
    else:
        return None if type(meant) is type(found) and meant == found else f" at {where or '/'}"
    return next((d for name, a, b in pairs if (d := _difference(a, b, name)) is not None), None)
