"""The exceptions of the exporter runtime."""

from __future__ import annotations

from collections.abc import Iterable


class RuntimeFault(Exception):
    """Base of every error that the exporter runtime raises on purpose."""


class SpecError(RuntimeFault):
    """A metric declaration is wrong. The message names the metric and the field."""


class RowError(RuntimeFault):
    """A collector's rows do not fit the family: label count, duplicates, or a value that its type cannot hold."""


class RepeatedRow(RowError):
    """Two rows have the same label set, so neither is the series' value."""


class ExpositionError(RuntimeFault):
    """The exposition as a whole would be invalid, so nothing of it is sent."""


class CollectError(RuntimeFault):
    """A collection failed for a known reason.

    ``reason`` becomes a label value of ``collector_errors_total`` (lower snake case, a small fixed set); ``message`` is
    logged, so it must hold no secret.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class Unsupported(CollectError):
    """What the collector reads does not exist here (no such device, a server too old for the question): no failure.

    Its families are empty, ``collector_supported`` is 0, ``collector_success`` stays 1 and no error is counted.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__("unsupported", message)


class Reported(CollectError):
    """There is nothing to serve, and nothing new has failed: the failure was reported when it happened, or none has yet.

    ``collector_success`` is 0; nothing is counted or logged.
    """


class ConfigError(RuntimeFault):
    """A configuration cannot be used. ``lines`` are the findings, one a line, free of secrets."""

    def __init__(self, lines: str | Iterable[str]) -> None:
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        super().__init__("; ".join(self.lines))


def refuse_spec(data: object, path: object, exporter: str) -> None:
    """ConfigError when ``data`` is mkit's spec: its keys are all unknown here, which would be told one by one."""
    if isinstance(data, dict) and str(data.get("version")).startswith("mkit/"):
        raise ConfigError(
            f"{path}: this is a spec; run `mkit generate {path} -o generated` and give generated/exporters/{exporter}.yaml"
        )


class UsageError(ConfigError):
    """The command line lacks what the exporter needs: wrong usage, not a wrong configuration."""


class SumTooLarge(ValueError):
    """A counter or a histogram's sum would no longer be a finite number."""
