"""Files that mkit did not write, in folders that a server reads whole: they take effect, so whoever generates must know."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from monitoring_kit.conventions import GRAFANA_DASHBOARDS, GRAFANA_PROVISIONING, RULES_FOLDER
from monitoring_kit.diagnostics import Report, Span

# Folder, server, suffixes that it reads there, and whether it goes into sub-folders. Prometheus: `rule_files` of the generated
# prometheus.yml, a Go glob, whose `*` takes leading dots as well. Grafana: pkg/services/provisioning (dashboards by
# file_reader.go, which walks; the others by each config_reader.go, which does not).
_READ = (
    (RULES_FOLDER, "Prometheus", (".yml",), False),
    (GRAFANA_DASHBOARDS, "Grafana", (".json",), True),
    (f"{GRAFANA_PROVISIONING}/dashboards", "Grafana", (".yml", ".yaml"), False),
    (f"{GRAFANA_PROVISIONING}/datasources", "Grafana", (".yml", ".yaml"), False),
)


def tell_foreign(out: Path, outputs: Collection[str], orphans: Collection[str], report: Report) -> None:
    """Warn of every file that a server will read though no output is called so; ``orphans`` are about to go.

    A folder that holds no output at all is not read: nothing generated points to it.
    """
    for folder, server, suffixes, deep in _READ:
        if not any(path.startswith(f"{folder}/") for path in outputs):
            continue
        for path in _files(out, folder, deep):
            if path.endswith(suffixes) and path not in outputs and path not in orphans:
                report.warning(
                    "write/foreign-loaded",
                    f"{path} is none of the generated files, but {server} reads every *{suffixes[0]} in {folder}",
                    Span(str(out / path)),
                    help="mkit never removes it: move it elsewhere, unless it is meant to take effect",
                )


def _files(out: Path, folder: str, deep: bool) -> Iterator[str]:
    """Paths below ``out`` of what is in ``folder``, sorted; nothing where it cannot be read (writing will say why)."""
    try:
        entries = sorted(os.scandir(out / folder), key=lambda e: e.name)
    except OSError:
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if not entry.is_dir():
            yield path
        elif deep:
            yield from _files(out, path, deep)
