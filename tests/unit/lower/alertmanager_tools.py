"""Alertmanager's files of a spec, and what the real amtool of every suite at hand says about them."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from monitoring_kit.lower.alertmanager import lower_alertmanager
from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import PATH_SUITE, SUITES, find_tools
from tests.unit.lower.spec_text import Lowered, lowered, tool

CONFIG = "alertmanager/alertmanager.yml"
TEMPLATE = "alertmanager/templates/mkit.tmpl"
FLAGS = "alertmanager/flags"
WEB = "services:\n  web: {kind: http, scrape: {targets: ['web:80']}}\n"
ALERT = "alerts:\n  Slow: {services: [web], expr: 'up == 0', severity: warning}\n"


def spec(channels: str, alerting: str = "", services: str = WEB, more: str = "") -> str:
    """A small spec: flow mappings for the channels and the body of ``alerting``."""
    return f"version: mkit/v1\nsystem: shop\nchannels: {channels}\nalerting: {{{alerting}}}\n{services}{more}"


def alertmanager(compilation: Compilation) -> Lowered:
    return lowered(compilation, lower_alertmanager)


def amtools() -> list[Any]:
    """The amtool of each suite that is on this machine."""
    found: list[Any] = []
    for suite in (PATH_SUITE, *SUITES):
        one = find_tools(suite)["amtool"]
        skip = pytest.mark.skipif(not one.found, reason=f"amtool is missing: {one.missing_reason}")
        found.append(pytest.param(one, id=suite, marks=skip))
    return found


def amtool(*arguments: str, program: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program or tool("amtool").path), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def check_config(files: Lowered, folder: Path, program: Path | None = None) -> str:
    """What ``amtool check-config`` prints; fails the test unless it accepts."""
    files.write(folder)
    done = amtool("check-config", str(folder / CONFIG), program=program)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def routed(config: Path, labels: dict[str, str], program: Path | None = None) -> list[str]:
    """The receivers that amtool finds for labels, in its order."""
    pairs = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items()]
    done = amtool("config", "routes", "test", f"--config.file={config}", *pairs, program=program)
    assert done.returncode == 0, f"{shlex.join(pairs)}: {done.stdout}{done.stderr}"
    return done.stdout.strip().split(",")


def rendered(template: Path, name: str, data: Path, kind: str = "text", program: Path | None = None) -> str:
    """What a notification says."""
    done = amtool(
        "template", "render", f"--template.glob={template}", f"--template.data={data}", f"--template.type={kind}",
        f'--template.text={{{{ template "{name}" . }}}}', program=program,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
