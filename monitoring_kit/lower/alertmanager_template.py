"""``alertmanager/templates/mkit.tmpl``: what the notifications say. The file beside this module is emitted as it is."""

from __future__ import annotations

from monitoring_kit.shipped import text_of


def template_text() -> str:
    """The notification templates, in Go's template language, for Alertmanager 0.25 and newer."""
    return text_of("monitoring_kit.lower", "mkit.tmpl")
