"""Regenerate `rules/catalogs/` from the real exporters: `python -m monitoring_kit.stack.catalogs`.

Each exporter is Debian's package, unpacked into the ignored tool folder and started on loopback against
a real server of its kind. What depends on the hardware (sensors, disks) is captured as this machine has it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from monitoring_kit.live.catalog import Catalog, dump_catalog
from monitoring_kit.stack import recipes, recipes_blackbox, recipes_go, recipes_servers
from monitoring_kit.stack.ending import run_tidily
from monitoring_kit.stack.lab import Lab

Recipe = Callable[[Lab], Catalog]
RECIPES: dict[str, Recipe] = {
    "node_exporter": recipes.node,
    "mysqld_exporter": recipes.mysqld,
    "redis_exporter": recipes.redis,
    "prometheus": recipes_servers.prometheus,
    "alertmanager": recipes_servers.alertmanager,
    "blackbox_exporter": recipes_blackbox.probe,
    "pushgateway": recipes.pushgateway,
    "statsd_exporter": recipes_go.statsd,
    "cadvisor": recipes_go.cadvisor,
    "python_client": recipes.python_client,
}
HEADER = "# Captured from the real exporter by `make catalogs`: do not edit, capture again.\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Capture the named catalogs (all without names) into a folder; prints one line each."""
    parser = argparse.ArgumentParser(description="Capture the metric catalogs from the real exporters.")
    parser.add_argument("names", nargs="*", choices=[*RECIPES, []], help="which catalogs; all if none is named")
    parser.add_argument("-o", "--output", type=Path, default=Path("rules/catalogs"), help="folder to write to")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.names or RECIPES:
        with Lab() as lab:
            catalog = RECIPES[name](lab)
        (options.output / f"{name}.yaml").write_text(HEADER + dump_catalog(catalog), encoding="utf-8")
        print(f"{name} {catalog.version}: {len(catalog.metrics)} metrics", flush=True)
    return 0


if __name__ == "__main__":
    run_tidily(main)
