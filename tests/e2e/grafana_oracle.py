"""Grafana's own npm packages as oracles: JSON Schemas made from its types, and its formatting of values."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "grafana"
VERSIONS = ("10.4", "11.6", "12.4", "13.2")
PANELS = {"state-timeline": "statetimeline"}


@cache
def installed() -> Path:
    """The folder with the packages, installed at the first call; skips the test where Node or its registry is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are missing")
    marker = FOLDER / "node_modules" / ".mkit-installed"
    wanted = (FOLDER / "package.json").read_text()
    with (FOLDER / "package.json").open() as lock:
        # Two workers must not install into one folder at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.is_file() or marker.read_text() != wanted:
            command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
            done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=300)
            if done.returncode:
                pytest.skip(f"npm cannot install Grafana's packages: {done.stderr[-300:]}")
            marker.write_text(wanted)
    return FOLDER / "node_modules"


@cache
def schema(version: str, part: str, type_: str) -> dict[str, Any]:
    """The JSON Schema of ``type_`` in ``@grafana/schema``; ``part`` is ``dashboard`` or a panel's type."""
    modules = installed()
    kept = modules / ".mkit-schemas" / f"{version}-{part}-{type_}.json"
    if not kept.is_file():
        root = modules / f"schema-{version}" / "dist"
        inside = "raw/dashboard/x" if part == "dashboard" else f"raw/composable/{PANELS.get(part, part)}/panelcfg/x"
        (source, *_) = sorted(root.glob(f"*/{inside}/*types.gen.d.ts"))
        generator = modules / ".bin" / "ts-json-schema-generator"
        command = [str(generator), "--path", str(source), "--type", type_, "--no-type-check"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=FOLDER)
        assert done.returncode == 0, done.stderr[-500:]
        kept.parent.mkdir(exist_ok=True)
        whole = kept.with_suffix(f".{os.getpid()}")
        whole.write_text(done.stdout)
        whole.replace(kept)
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def without_required(tree: Any) -> Any:
    """A schema that asks for nothing: Grafana fills in what panel options leave out."""
    if isinstance(tree, dict):
        return {key: without_required(value) for key, value in tree.items() if key != "required"}
    return [without_required(item) for item in tree] if isinstance(tree, list) else tree


def display(shown: list[dict[str, Any]], matched: list[dict[str, Any]]) -> dict[str, Any]:
    """How Grafana shows values, and which names an override matches."""
    installed()
    done = subprocess.run(
        ["node", "display.cjs"],
        cwd=FOLDER,
        input=json.dumps({"shown": shown, "matched": matched}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
