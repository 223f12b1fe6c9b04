"""``alertmanager/templates/mkit.tmpl``: what the notifications say. The file beside this module is emitted as it is."""

from __future__ import annotations

from importlib.resources import files


def template_text() -> str:
    """The notification templates, in Go's template language, for Alertmanager 0.25 and newer."""
    return files("monitoring_kit.lower").joinpath("mkit.tmpl").read_text(encoding="utf-8")
