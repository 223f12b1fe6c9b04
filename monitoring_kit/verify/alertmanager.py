"""amtool's proof: the configuration and its templates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitoring_kit.conventions import ALERTMANAGER_YML
from monitoring_kit.diagnostics import Report
from monitoring_kit.emit import Output
from monitoring_kit.verify.blame import blame
from monitoring_kit.verify.programs import run


def check_config(amtool: Path, root: Path, outputs: Mapping[str, Output], report: Report) -> None:
    """``amtool check-config``; it does not open secret files, so it needs nothing but the folder itself."""
    if ALERTMANAGER_YML not in outputs:
        return
    result = run(amtool, ["check-config", ALERTMANAGER_YML], root)
    if result.failed:
        blame("amtool", result.text, ALERTMANAGER_YML, outputs, report)
