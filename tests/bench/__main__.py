"""`make bench`: every benchmark, as a table and as JSON. ``python -m tests.bench [--json FILE] [NAME ...]``."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from tests.bench.figures import Figure, as_json, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run, such as compile; all when none is named")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    every = sorted(p.stem for p in Path(__file__).parent.glob("bench_*.py"))
    wanted = [f"bench_{name}" for name in arguments.names] or every
    found: list[Figure] = []
    for name in wanted:
        module = importlib.import_module(f"tests.bench.{name}")
        print(f"\n{(module.__doc__ or name).splitlines()[0]}\n", flush=True)
        figures = module.measure()
        print(table(figures), flush=True)
        found += figures
    if arguments.json:
        arguments.json.write_text(as_json(found) + "\n")
    else:
        print("\n" + as_json(found))


if __name__ == "__main__":
    main()
