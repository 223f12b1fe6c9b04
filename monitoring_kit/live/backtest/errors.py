"""What can go wrong in a backtest that is no mistake of the spec."""

from __future__ import annotations


class BacktestError(Exception):
    """The backtest cannot run or go on. ``code`` names the page of `mkit explain`; the message never holds a credential."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


class EvaluationError(Exception):
    """Prometheus refused or failed one query; ``kind`` is its errorType: bad_data, execution, timeout ..."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
