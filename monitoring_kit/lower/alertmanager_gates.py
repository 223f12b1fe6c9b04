"""What the oldest targeted Alertmanager lacks is refused with the way out, never left out in silence."""

from __future__ import annotations

from monitoring_kit.diagnostics import Note, Report, Span
from monitoring_kit.spec.channels import Channel
from monitoring_kit.spec.platform import Compatibility
from monitoring_kit.targets import Feature, describe, since, supported


class Gate:
    """Answers what the targeted Alertmanager has, and reports what a channel needs in vain."""

    def __init__(self, compatibility: Compatibility, report: Report) -> None:
        self.compatibility = compatibility
        self.report = report

    def has(self, feature: Feature) -> bool:
        return supported(feature, {"alertmanager": self.compatibility.alertmanager})

    def need(self, feature: Feature, channel: Channel, key: str, otherwise: str = "") -> None:
        """Report ``version/unsupported`` at the channel's ``key`` unless the target has ``feature``; ``otherwise`` names a way
        without it."""
        if self.has(feature):
            return
        target = self.compatibility.alertmanager
        raise_it = f'set `compatibility: {{alertmanager: "{since(feature)}"}}` if every Alertmanager is that new'
        self.report.error(
            "version/unsupported",
            f"the channel `{channel.name}` cannot work with Alertmanager {target}: {describe(feature)}",
            channel.at(key),
            help=f"{raise_it}, or {otherwise}" if otherwise else raise_it,
            notes=self._target_note(),
        )

    def wrong(self, code: str, message: str, span: Span, help_: str = "") -> None:
        self.report.error(code, message, span, help=help_)

    def _target_note(self) -> tuple[Note, ...]:
        if not self.compatibility.has("alertmanager"):
            return ()
        return (Note(self.compatibility.at("alertmanager"), "the targeted version"),)
