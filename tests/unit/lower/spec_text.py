"""Small specs, and what one file family makes of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring_kit.diagnostics import Report
from monitoring_kit.emit import Output, emit
from monitoring_kit.lower.tree import OutFile
from monitoring_kit.pipeline import Compilation
from monitoring_kit.resolve.system import System
from monitoring_kit.stack.tools import Tool, find_tools

HEAD = "version: mkit/v1\nsystem: shop\nchannels:\n  mail: {kind: webhook, url: 'http://hook:1/'}\n"
WEB = "services:\n  web: {kind: http, scrape: {targets: ['web:80']}}\n"
Compile = Callable[..., Compilation]


@dataclass
class Lowered:
    """The files of one family, as trees, as text on disk and with the findings of that family alone."""

    system: System
    report: Report
    files: dict[str, OutFile]
    outputs: dict[str, Output]

    def tree(self, path: str) -> Any:
        return yaml.safe_load(self.outputs[path].data)

    def text(self, path: str) -> str:
        return self.outputs[path].data.decode()

    def write(self, folder: Path) -> Path:
        for path, output in self.outputs.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(output.data)
        return folder

    @property
    def found(self) -> list[tuple[str, str]]:
        return [(d.code, d.severity.word) for d in self.report]


def lowered(compilation: Compilation, lower: Callable[..., list[OutFile]], *, model: bool = True) -> Lowered:
    """Run one file family on a compilation, with a report of its own."""
    assert compilation.system is not None, [d.message for d in compilation.report]
    assert compilation.model is not None
    report = Report()
    files = lower(compilation.system, *([compilation.model] if model else []), report)
    return Lowered(compilation.system, report, {f.path: f for f in files}, emit(files, compilation.system))


def tool(name: str) -> Tool:
    """A real tool; the test is skipped, naming it, where it is missing."""
    found = find_tools()[name]
    if not found.found:
        pytest.skip(f"{name} is missing: {found.missing_reason}")
    return found


def promtool(*arguments: str, cwd: Path | None = None) -> str:
    """What promtool prints; fails the test unless it accepts."""
    done = subprocess.run([str(tool("promtool").path), *arguments], capture_output=True, text=True, cwd=cwd, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
